import { access, constants, mkdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { cacheRoot } from '../../scripts/install/cache.js'
import { PfgmError } from '../errors.js'
import { hashOfFile } from '../files/read.js'
import { writeWhole } from '../files/whole-file.js'
import type { Model } from '../model/model.js'
import { CONTROLLERS, SCHEDULES, SOLVERS, type SolverSettings } from '../ode/solver-options.js'

/** Rises when what is searched or measured changes: older caches are then made anew. */
const VERSION = 2

/** JSON has no infinity and says null. */
const error = z
  .number()
  .nonnegative()
  .nullable()
  .transform((value) => value ?? Number.POSITIVE_INFINITY)

const scheduleSchema = z.object({
  /** The method. */
  solver: z.enum(SOLVERS),
  /** Its order, where it has several. */
  order: z.number().int().exactOptional(),
  /** Its steps. */
  steps: z.number().int().positive(),
  /** z of the ends of steps, falling. */
  heights: z.array(z.number().positive()).min(2),
  /** How many starts the error was measured from. */
  count: z.number().int().positive(),
  /** Start i was that of seed + i. */
  seed: z.string(),
  /** Mean error of pixels in [0, 1]. */
  mean: error,
  /** Standard error of the mean. */
  standardError: error,
  /** Of all pixels. */
  median: error,
  /** Nine in ten pixels are off by no more. */
  percentile90: error,
  /** All but one in a hundred pixels are off by no more. */
  percentile99: error,
})

const settingsSchema = z.object({
  solver: z.enum(SOLVERS).exactOptional(),
  order: z.number().int().exactOptional(),
  steps: z.number().int().positive().exactOptional(),
  schedule: z.enum(SCHEDULES).exactOptional(),
  controller: z.enum(CONTROLLERS).exactOptional(),
  rtol: z.number().exactOptional(),
  atol: z.number().exactOptional(),
})

const measuredSchema = z.object({
  /** Method, order and schedule or controller, such as `dpm3m karras`. */
  solver: z.string(),
  /** The same for `sample`. */
  settings: settingsSchema as z.ZodType<SolverSettings>,
  /** Mean number of evaluations a sample. */
  evaluations: z.number().positive(),
  /** Mean error of pixels in [0, 1]. */
  mean: error,
  /** Standard error of the mean. */
  standardError: error,
})

const contentSchema = z.object({
  schedules: z.array(scheduleSchema),
  comparison: z.array(measuredSchema).exactOptional(),
})

const fileSchema = contentSchema.extend({ version: z.number(), fingerprint: z.string() })

/**
 * The heights found for a method and number of steps, and the error they have on other starts than those of the search.
 * @interface
 */
export type SearchedSchedule = Readonly<z.infer<typeof scheduleSchema>>

/**
 * A solver by name and by settings, its mean number of evaluations a sample, and its mean error of pixels in [0, 1],
 * images clipped, against the converged solution from the same starts, with the standard error of that mean.
 * @interface
 */
export type MeasuredSolver = Readonly<z.infer<typeof measuredSchema>>

type Content = z.infer<typeof contentSchema>

const CACHES = new WeakMap<Model, { cache: SolverCache; weights: number }>()

/** What has been searched and measured for a model with the weights that it has now. */
export function solverCacheOf(model: Model): SolverCache {
  const known = CACHES.get(model)
  const weights = model.network.weightsVersion
  if (known?.weights === weights) return known.cache
  // Weights that have changed since are no longer those of the file.
  const source = known ? undefined : model.source
  const cache = new SolverCache(source?.path, source?.run)
  CACHES.set(model, { cache, weights })
  return cache
}

/**
 * What has been searched and measured for a model, in memory and, where the model came from a file, in a file beside
 * it: `schedules.json` in a run folder, `NAME.schedules.json` beside `NAME.safetensors`. Where nothing can be written
 * there, the file is in the user's cache folder; where not there either, what was found is kept in memory alone.
 */
export class SolverCache {
  readonly #model: string | undefined
  readonly #beside: string | undefined
  #content: Content = { schedules: [] }
  #read = false
  #fingerprint: string | undefined

  /**
   * @param model the model's or checkpoint's file
   * @param run the run folder that it lies in
   */
  constructor(model?: string, run?: string) {
    this.#model = model
    if (run !== undefined) this.#beside = join(run, 'schedules.json')
    else if (model !== undefined) {
      this.#beside = join(dirname(model), `${basename(model, '.safetensors')}.schedules.json`)
    }
  }

  /** @throws PfgmError `ERR_PFGM_DATA` where a file of that name holds something else or is damaged */
  async content(): Promise<Readonly<Content>> {
    if (this.#read) return this.#content
    for (const path of await this.#places()) {
      const found = await this.#contentOf(path)
      if (found === undefined) continue
      this.#content = found
      break
    }
    this.#read = true
    return this.#content
  }

  /** Adds what was found; what others have added to the file since it was read stays. */
  async add({ schedules = [], comparison }: Partial<Content>): Promise<void> {
    const place = await this.#placeToWrite()
    const now = (place === undefined ? undefined : await this.#contentOf(place)) ?? (await this.content())
    const others = now.schedules.filter((old) => !schedules.some((added) => isFor(old, added)))
    const newest = comparison ?? now.comparison
    this.#content = { schedules: [...others, ...schedules], ...(newest && { comparison: newest }) }
    this.#read = true
    if (place === undefined) return
    const file = { version: VERSION, fingerprint: await this.#print(), ...this.#content }
    await writeWhole(place, `${JSON.stringify(file)}\n`)
  }

  /** Undefined where there is no such file, or where it is of another model or version. */
  async #contentOf(path: string): Promise<Content | undefined> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code ?? '')) return undefined
      throw damaged(path, error)
    })
    if (text === undefined) return undefined
    try {
      const { version } = z.object({ version: z.number() }).parse(JSON.parse(text))
      if (version !== VERSION) return undefined
      const { fingerprint, schedules, comparison } = fileSchema.parse(JSON.parse(text))
      if (fingerprint !== (await this.#print())) return undefined
      return { schedules, ...(comparison && { comparison }) }
    } catch (error) {
      throw damaged(path, error)
    }
  }

  async #places(): Promise<string[]> {
    if (this.#beside === undefined) return []
    return [this.#beside, await this.#ownPlace()]
  }

  async #ownPlace(): Promise<string> {
    return join(cacheRoot(), 'schedules', `${await this.#print()}.json`)
  }

  async #placeToWrite(): Promise<string | undefined> {
    if (this.#beside === undefined) return undefined
    const folder = dirname(this.#beside)
    const writable = await access(folder, constants.W_OK).then(
      () => true,
      () => false,
    )
    if (writable) return this.#beside
    const own = await this.#ownPlace()
    try {
      await mkdir(dirname(own), { recursive: true })
      await access(dirname(own), constants.W_OK)
      return own
    } catch {
      return undefined
    }
  }

  /** Tells the model's file from every other. */
  async #print(): Promise<string> {
    this.#fingerprint ??= await hashOfFile(this.#model!)
    return this.#fingerprint
  }
}

/** Whether two schedules are for the same method and number of steps. */
export function isFor(
  a: Pick<SearchedSchedule, 'solver' | 'order' | 'steps'>,
  b: Pick<SearchedSchedule, 'solver' | 'order' | 'steps'>,
): boolean {
  return a.solver === b.solver && a.order === b.order && a.steps === b.steps
}

function damaged(path: string, cause: unknown): PfgmError {
  return new PfgmError(
    'ERR_PFGM_DATA',
    `Expected ${path} to hold what was searched and measured for a model but it is damaged or something else: delete it or move it away`,
    { cause },
  )
}
