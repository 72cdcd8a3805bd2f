import { join } from 'node:path'
import { type Fields, FUNCTION, number } from '../arguments/schema.js'
import { PfgmError } from '../errors.js'
import { hashOfFile } from '../files/read.js'
import { withTemporaryFolder } from '../files/temporary.js'
import type { PoolProgress } from '../ode/pool/progress.js'
import type { SampleStatistics } from '../ode/pool/statistics.js'
import type { Solver } from '../ode/solver.js'
import type { SolverOptions, SolverSettings } from '../ode/solver-options.js'
import { drawEach, isDrawable } from '../tensor/picture.js'
import { conditionsOf } from './conditions.js'
import type { Model } from './model.js'
import { SAMPLING_FIELDS, type SamplingOptions, sample } from './sample.js'
import { keyOf, SampleFolder } from './sample-folder.js'

/** How far a folder of samples is, of those that it lacked at the start. */
export interface SampleFolderProgress
  extends Pick<PoolProgress, 'finished' | 'count' | 'fraction' | 'evaluations'> {
  /** Samples whose pictures are there: what is kept if the drawing is broken off. */
  readonly written: number
}

/** As of a sampling, but for what has samples depend on each other or on what no file can say. */
export interface FolderSamplingOptions
  extends Pick<
    SamplingOptions,
    | 'count'
    | 'seed'
    | 'temperature'
    | 'labels'
    | 'guidanceInterval'
    | 'batchSize'
    | 'publishedEpsilon'
    | 'precision'
    | 'bfloat16Above'
    | 'maxEvaluations'
    | 'signal'
  > {
  /** As of `sample`, one for all. */
  guidance?: number
  /** Called after each step, and after each picture that is written. */
  onProgress?: (progress: SampleFolderProgress) => void
}

const { count, seed, temperature, labels, guidanceInterval, batchSize, ...OTHERS } = SAMPLING_FIELDS
const { publishedEpsilon, precision, bfloat16Above, maxEvaluations, signal } = OTHERS

export const FOLDER_FIELDS: Fields<FolderSamplingOptions> = {
  ...{ count, seed, temperature, labels, guidanceInterval, batchSize },
  ...{ publishedEpsilon, precision, bfloat16Above, maxEvaluations, signal },
  guidance: number(-100, 100),
  onProgress: FUNCTION,
}

/** What was drawn into a folder. */
export interface FolderSamples {
  /** Pictures that are there of the samples that were asked for. */
  readonly count: number
  /** Those of them that were drawn now. */
  readonly drawn: number
  /** Mean number of network evaluations of those. */
  readonly nfe: number
  /** How many of them left the region that the network was trained on. */
  readonly outside: number
  /** How many of them ended early, at the most evaluations. */
  readonly unfinished: number
}

const DEFAULT_COUNT = 16
/** Samplings at the same time, so that most of a batch goes on while one's pictures are written and it begins anew. */
const SIDE_BY_SIDE = 8
/** What a sample depends on, beside model, solver, seed and label. */
const OF_A_SAMPLE = [
  'temperature',
  'guidance',
  'guidanceInterval',
  'publishedEpsilon',
  'precision',
  'bfloat16Above',
  'maxEvaluations',
] as const

/** Draws the samples that a folder lacks, a picture each, with a solver and the settings that it has. */
export async function sampleToFolder(
  model: Model,
  { solver, settings }: { solver: Solver; settings: SolverOptions },
  path: string,
  options: FolderSamplingOptions,
): Promise<FolderSamples> {
  const { count = DEFAULT_COUNT, seed = 0, labels } = options
  const wanted = { count, seed: BigInt(seed), ...labelsOf(model, options) }
  using folder = await SampleFolder.open(path, {
    ...wanted,
    ...((typeof labels === 'number' || typeof labels === 'string') && { labels: wanted.labels![0]! }),
    model: await fingerprintOf(model),
    options: { ...settings, ...Object.fromEntries(OF_A_SAMPLE.map((name) => [name, options[name]])) },
  })
  return await new FolderSampling(model, solver, folder, options, wanted).run()
}

/** What is wrong with options is said before any work. */
export function expectFolderOptions(
  model: Model,
  options: FolderSamplingOptions & Pick<SolverSettings, 'norms'>,
): void {
  const { itemShape } = model.network
  if (!isDrawable(itemShape) || itemShape.length === 1) {
    throw new TypeError(
      `Expected a model of images, [1 or 3, height, width], for a folder of pictures but received one of [${itemShape.join(', ')}]`,
    )
  }
  if (options.norms === 'batch') {
    throw new RangeError(
      'Expected norms to be sample for a folder, whose pictures do not depend on each other, but received batch',
    )
  }
  conditionsOf(model, options, options.count ?? DEFAULT_COUNT)
}

/** The class of each sample, by number. */
function labelsOf(
  model: Model,
  { labels, count = DEFAULT_COUNT }: FolderSamplingOptions,
): { labels?: Int32Array } {
  if (labels === undefined) return {}
  return { labels: conditionsOf(model, { labels }, count)(0, count).labels! }
}

/** Tells a model from every other: by its file, or by the one that would be written of it. */
async function fingerprintOf(model: Model): Promise<string> {
  if (model.source) return hashOfFile(model.source.path)
  return withTemporaryFolder(async (folder) => {
    const file = join(folder, 'model.safetensors')
    await model.save(file)
    return hashOfFile(file)
  })
}

/** Samples one after another. */
interface Part {
  readonly first: number
  readonly count: number
}

/**
 * Several samplings side by side, which share the network's calls: as soon as one ends its pictures are written, while the
 * others go on, and it begins with the next samples that lack a picture.
 */
class FolderSampling {
  readonly #model: Model
  readonly #solver: Solver
  readonly #folder: SampleFolder
  readonly #options: FolderSamplingOptions
  readonly #wanted: { readonly seed: bigint; readonly count: number; readonly labels?: Int32Array }
  /** 1 for samples that had a picture at the start. */
  #there: Uint8Array = new Uint8Array()
  /** How many had none. */
  #lacking = 0
  #next = 0
  readonly #underWay = new Map<Part, PoolProgress>()
  readonly #notFinite: bigint[] = []
  readonly #done = { drawn: 0, evaluations: 0, outside: 0, unfinished: 0 }

  constructor(
    model: Model,
    solver: Solver,
    folder: SampleFolder,
    options: FolderSamplingOptions,
    wanted: { seed: bigint; count: number; labels?: Int32Array },
  ) {
    this.#model = model
    this.#solver = solver
    this.#folder = folder
    this.#options = options
    this.#wanted = wanted
  }

  async run(): Promise<FolderSamples> {
    const { seed, count } = this.#wanted
    const { batchSize = 256, signal } = this.#options
    this.#there = await this.#folder.drawn(seed, count)
    this.#lacking = this.#there.reduce((lacking, there) => lacking + 1 - there, 0)
    const most = Math.ceil(batchSize / SIDE_BY_SIDE)
    const failure = new AbortController()
    const ending = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal
    const works = Array.from({ length: Math.floor(batchSize / most) }, () =>
      this.#work(most, ending).catch((error: unknown) => failure.abort(error)),
    )
    await Promise.all(works)
    ending.throwIfAborted()
    this.#expectFinite()
    const { evaluations, ...done } = this.#done
    return { count, nfe: done.drawn === 0 ? 0 : evaluations / done.drawn, ...done }
  }

  /** Draws parts of at most so many samples until none is left. */
  async #work(most: number, signal: AbortSignal): Promise<void> {
    for (let part = this.#take(most); part !== undefined; part = this.#take(most)) {
      await this.#draw(part, signal)
    }
  }

  /** The next samples without a picture that are drawn from consecutive seeds. */
  #take(most: number): Part | undefined {
    const first = this.#there.indexOf(0, this.#next)
    if (first < 0) return undefined
    const some = this.#there.subarray(first, first + most)
    const end = some.indexOf(1)
    const count = end < 0 ? some.length : end
    this.#next = first + count
    return { first, count }
  }

  async #draw(part: Part, signal: AbortSignal): Promise<void> {
    const { first, count } = part
    const { batchSize, onProgress, ...options } = this.#options
    const { seed, labels } = this.#wanted
    const drawn = await sample(this.#model, this.#solver, {
      ...options,
      count,
      seed: keyOf(seed, first),
      ...(labels && { labels: labels.subarray(first, first + count) }),
      deterministic: true,
      keepNotFinite: true,
      signal,
      onProgress: (progress) => {
        this.#underWay.set(part, progress)
        this.#report()
      },
    })
    using images = drawn.images
    const pictures = await drawEach(images)
    for (const [i, picture] of pictures.entries()) {
      const key = keyOf(seed, first + i)
      if (drawn.status[i] === 'notFinite') this.#notFinite.push(key)
      else await this.#folder.write(key, picture)
    }
    this.#underWay.delete(part)
    this.#count(drawn)
    this.#report()
  }

  #count({ status, evaluations, outside }: SampleStatistics): void {
    const done = this.#done
    done.drawn += status.length
    done.unfinished += status.filter((one) => one === 'maxEvaluations').length
    done.evaluations += evaluations.reduce((sum, spent) => sum + spent, 0)
    done.outside += outside.reduce((sum, flag) => sum + flag, 0)
  }

  #report(): void {
    const { drawn: written, evaluations: spent } = this.#done
    let [finished, behind, evaluations] = [written, written, spent]
    for (const [part, progress] of this.#underWay) {
      finished += progress.finished
      behind += progress.fraction * part.count
      evaluations += progress.evaluations
    }
    const count = this.#lacking
    this.#options.onProgress?.({ finished, written, count, fraction: behind / count, evaluations })
  }

  #expectFinite(): void {
    const some = this.#notFinite
    if (some.length === 0) return
    const first = some.slice(0, 10).join(', ')
    const seeds = some.length > 10 ? `${first} and ${some.length - 10} more` : first
    throw new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      `The samples of seeds ${seeds} have no pictures in ${this.#folder.path}, all others have: the network gives no number on their paths. Train longer, or lower the learning rate`,
    )
  }
}
