import { mkdir } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { lockRun } from '../checkpoint/run-lock.js'
import type { AnyDataset } from '../data/dataset.js'
import { PfgmError } from '../errors.js'
import { reason } from '../files/read.js'
import { writeWhole } from '../files/whole-file.js'
import type { ImageTensor } from '../model/images.js'
import { info, setThreads } from '../native/device.js'
import { isDrawable } from '../tensor/picture.js'
import { spreadRows } from '../tensor/rows.js'
import type { Tensor } from '../tensor/tensor.js'
import { identify } from '../train/data-identity.js'
import { loadData } from '../train/run-config.js'
import { Book } from './book.js'
import { type Machine, type Part, partsOf } from './figures.js'
import type { Job, Workshop } from './job.js'
import { jobsOf } from './jobs.js'
import { MOST_COMPARED } from './metrics.js'
import { LastModel } from './models.js'
import { fullPlan, QUICK } from './plan.js'
import { reportOf } from './report/report.js'
import { runFolder } from './training.js'

export interface CompareOptions {
  readonly data: AnyDataset
  /** Where models, figures and the report are; what was measured there is kept. */
  readonly out: string
  readonly quick: boolean
  readonly threads: number | undefined
  readonly signal: AbortSignal
  /** @param fraction of the whole, 0 to 1, and what is done now */
  readonly onProgress: (fraction: number, title: string) => void
}

/**
 * Trains all flows alike, measures what the papers claim, and writes `report.html`; goes on where it was broken off.
 * @returns the report's path
 * @throws RangeError for data that is no grey or colour images; PfgmError `ERR_PFGM_RUN_BUSY`, `ERR_PFGM_RUN_EXISTS`
 *   where the folder is of another comparison, `ERR_PFGM_DATA`, `ERR_PFGM_IO`
 */
export async function compare(options: CompareOptions): Promise<string> {
  const { data, out, quick } = options
  expectImages(data)
  await makeFolder(out)
  using _lock = lockRun(out)
  const loaded = await loadData(data)
  using items = loaded.tensor as ImageTensor
  using compared = (await spreadRows(items as Tensor, MOST_COMPARED)) as ImageTensor
  const { data: name, count, shape, dataHash } = await identify(loaded)
  const about = { data: name, count, shape: [...shape], dataHash: dataHash!, quick }
  const threads = await setThreads(options.threads)
  const book = await Book.open(out, about, machine(threads))
  await measureAll(book, { ...options, threads, items, compared, plan: quick ? QUICK : fullPlan(shape) })
  const report = join(out, 'report.html')
  await writeWhole(report, await reportOf(book.figures))
  return report
}

async function measureAll(
  book: Book,
  {
    out: folder,
    onProgress,
    ...rest
  }: CompareOptions & Pick<Workshop, 'items' | 'compared' | 'plan' | 'threads'>,
): Promise<void> {
  const jobs = jobsOf(rest.plan)
  const whole = jobs.reduce((sum, { weight }) => sum + weight, 0)
  let done = 0
  using last = new LastModel()
  for (const job of jobs) {
    const progress = (fraction: number) => onProgress((done + job.weight * fraction) / whole, job.title)
    if (!book.has(job.key) && !isOfFailed(book, job.key)) {
      rest.signal.throwIfAborted()
      progress(0)
      const workshop: Workshop = {
        ...rest,
        folder,
        parts: (kind) => partsOf(book.figures, kind),
        model: (name) => last.get(name, runFolder(folder, name)),
        onProgress: progress,
      }
      await book.keep(job.key, await partOf(job, workshop))
    }
    done += job.weight
  }
}

/** Whether a model that was not learned to its end is what a job measures. */
function isOfFailed({ figures }: Book, key: string): boolean {
  const training = `${key.split('/').slice(0, 3).join('/')}/training`
  return figures.parts[training]?.kind === 'failed'
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    throw new PfgmError('ERR_PFGM_IO', `Could not make the folder ${path}: ${reason(cause)}`, { cause })
  }
}

/** What a job measures, or that it came to no end: a model that has learned little may have no path to the data. */
async function partOf({ key, title, measure }: Job, workshop: Workshop): Promise<Part> {
  try {
    return await measure(workshop)
  } catch (error) {
    if (!(error instanceof PfgmError) || error.code !== 'ERR_PFGM_NOT_FINITE') throw error
    if (key === 'step-times') throw error // all trainings need them
    return { kind: 'failed', title, reason: error.message }
  }
}

/** @throws RangeError where samples could not be drawn, or a network of images does not take them */
function expectImages({ shape }: AnyDataset): void {
  const even = shape.slice(1).every((side) => side % 2 === 0)
  if (isDrawable(shape) && shape.length === 3 && even) return
  throw new RangeError(
    `Expected grey or colour images with sides of even length to compare flows on but received items of [${shape.join(', ')}]`,
  )
}

function machine(threads: number): Machine {
  const { libtorch, version } = info()
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown processor',
    threads,
    version,
    libtorch,
  }
}
