import { createWriteStream } from 'node:fs'
import { mkdir, opendir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { lockRun } from '../checkpoint/run-lock.js'
import { PfgmError } from '../errors.js'
import { lookAt, readBytes, reason } from '../files/read.js'
import { writeWhole } from '../files/whole-file.js'
import type { NativePicture } from '../native/addon.js'
import { writePicture } from '../tensor/picture.js'

/** What the pictures of a folder are samples of. */
export interface FolderContent {
  /** Tells the model from every other. */
  readonly model: string
  /** Of the first picture. */
  readonly seed: bigint
  readonly count: number
  /** The class of all samples, or of each. */
  readonly labels?: number | Int32Array
  /** All else that a sample depends on, by name. */
  readonly options: Readonly<Record<string, unknown>>
}

const FILE = z.object({
  model: z.string(),
  seed: z.string(),
  count: z.number().int().positive(),
  labels: z.union([z.number(), z.array(z.tuple([z.number(), z.number()]))]).optional(),
  options: z.record(z.string(), z.unknown()),
})
/** The same as JSON has it. */
type Written = z.infer<typeof FILE>

/**
 * A folder of samples: `000123.png` is the one of seed 123, `samples.json` says of what, and where samples are of classes
 * `dataset.json` has the label of each, in the form that EDM's and StyleGAN's tools for data sets read.
 */
export class SampleFolder implements Disposable {
  readonly path: string
  readonly #lock: Disposable

  private constructor(path: string, lock: Disposable) {
    this.path = path
    this.#lock = lock
  }

  /**
   * Makes the folder, or goes on with one of the same content. It is this process's alone until it is disposed of.
   * @throws RangeError where it holds samples of something else, or other files; PfgmError `ERR_PFGM_RUN_BUSY`,
   *   `ERR_PFGM_DATA`, `ERR_PFGM_IO`
   */
  static async open(path: string, content: FolderContent): Promise<SampleFolder> {
    await expectFolder(path)
    await mkdir(path, { recursive: true }).catch((cause) => {
      throw new PfgmError('ERR_PFGM_IO', `Could not make the folder ${path}: ${reason(cause)}`, { cause })
    })
    const folder = new SampleFolder(path, lockRun(path, 'drawing'))
    try {
      await folder.#begin(content)
    } catch (error) {
      folder[Symbol.dispose]()
      throw error
    }
    return folder
  }

  async #begin(content: FolderContent): Promise<void> {
    const wanted = written(content)
    const there = await this.#read()
    if (there) expectSame(this.path, there, wanted)
    else await this.#expectEmpty()
    await this.#removeUnfinished()
    const count = Math.max(content.count, there?.count ?? 0)
    await writeWhole(this.#settings, `${JSON.stringify({ ...wanted, count }, null, 2)}\n`)
    if (content.labels !== undefined) await this.#writeLabels({ ...content, count })
  }

  get #settings(): string {
    return join(this.path, 'samples.json')
  }

  async #read(): Promise<Written | undefined> {
    if (!(await lookAt(this.#settings))) return undefined
    try {
      return FILE.parse(JSON.parse((await readBytes(this.#settings)).toString()))
    } catch (cause) {
      throw new PfgmError(
        'ERR_PFGM_DATA',
        `Expected ${this.#settings} to say what the samples there are of but it is damaged or something else: draw into another folder`,
        { cause },
      )
    }
  }

  /** A picture of somebody else's must not count as a sample, nor be taken for one by who reads the folder. */
  async #expectEmpty(): Promise<void> {
    const other = (await readdir(this.path)).find((name) => !name.startsWith('.'))
    if (other === undefined) return
    throw new RangeError(
      `Expected ${this.path} to be an empty folder, or one with samples.json from an earlier call, but received one with ${other}: give a new folder`,
    )
  }

  /** What a process that was killed had begun to write. */
  async #removeUnfinished(): Promise<void> {
    for await (const { name } of await opendir(this.path)) {
      if (name.startsWith('.tmp-')) await rm(join(this.path, name), { force: true })
    }
  }

  /** Before the pictures, so that none is ever without; line by line, as there may be many. */
  async #writeLabels({ seed, count, labels }: FolderContent): Promise<void> {
    function* lines() {
      for (let i = 0; i < count; i++) {
        const label = typeof labels === 'number' ? labels : labels![i]!
        const entry = JSON.stringify([nameOf(keyOf(seed, i)), label])
        yield `${i === 0 ? '{"labels": [' : ','}\n${entry}`
      }
      yield '\n]}\n'
    }
    await writeWhole(join(this.path, 'dataset.json'), (temporary) =>
      pipeline(Readable.from(lines()), createWriteStream(temporary)),
    )
  }

  /** Which of the samples from a seed on have a picture: 1 for those, a byte each. */
  async drawn(seed: bigint, count: number): Promise<Uint8Array> {
    const there = new Uint8Array(count)
    for await (const entry of await opendir(this.path)) {
      const number = /^(\d{6,20})\.png$/.exec(entry.name)?.[1]
      if (number === undefined || nameOf(BigInt(number)) !== entry.name) continue
      const place = BigInt.asUintN(64, BigInt(number) - seed)
      if (place < BigInt(count)) there[Number(place)] = 1
    }
    return there
  }

  /** Writes a sample's picture, which appears whole or not at all. */
  async write(key: bigint, picture: NativePicture): Promise<void> {
    await writePicture(join(this.path, nameOf(key)), 'png', { picture })
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]()
  }
}

/** The seed that sample i is drawn from. */
export function keyOf(seed: bigint, i: number): bigint {
  return BigInt.asUintN(64, seed + BigInt(i))
}

/** As EDM's tools number their samples. */
export function nameOf(key: bigint): string {
  return `${String(key).padStart(6, '0')}.png`
}

function written({ model, seed, count, labels, options }: FolderContent): Written {
  const content = {
    model,
    seed: String(seed),
    count,
    ...(labels !== undefined && { labels: typeof labels === 'number' ? labels : runsOf(labels) }),
    options,
  }
  return JSON.parse(JSON.stringify(content))
}

/** Labels as pairs: a class, and how many samples after another are of it. */
function runsOf(labels: Int32Array): [number, number][] {
  const runs: [number, number][] = []
  for (const label of labels) {
    const last = runs.at(-1)
    if (last?.[0] === label) last[1] += 1
    else runs.push([label, 1])
  }
  return runs
}

async function expectFolder(path: string): Promise<void> {
  const there = await lookAt(path)
  if (there === undefined || there.isDirectory()) return
  throw new RangeError(`Expected ${path} to be a folder but received a file`)
}

/** More samples of the same may be drawn; nothing else may differ. */
function expectSame(path: string, there: Written, wanted: Written): void {
  const remedy = 'give another folder'
  if (there.model !== wanted.model) {
    throw new RangeError(
      `Expected the model to be the one that the samples in ${path} are of but received another, or the same after more training: ${remedy}`,
    )
  }
  if (!isDeepStrictEqual(there.labels, wanted.labels)) {
    throw new RangeError(
      `Expected the samples to be of the same classes as those in ${path} but received others, or others in number: ${remedy}`,
    )
  }
  const before = { seed: there.seed, ...there.options }
  const now = { seed: wanted.seed, ...wanted.options }
  for (const name of Object.keys({ ...now, ...before }) as (keyof typeof now)[]) {
    if (isDeepStrictEqual(before[name], now[name])) continue
    const [old, received] = [before[name], now[name]].map((value) =>
      value === undefined ? 'none' : JSON.stringify(value).slice(0, 100),
    )
    throw new RangeError(
      `Expected ${name} to be ${old}, as of the samples in ${path}, but received ${received}: ${remedy}`,
    )
  }
}
