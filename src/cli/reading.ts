import type { AnyDataset, OpenOptions } from '../index.js'
import { library } from './library.js'
import { printWarning } from './output.js'
import { startProgress } from './progress.js'
import { bytes, count } from './words.js'

/** Shorter work shows nothing. */
const MS_BEFORE_PROGRESS = 1000

/** Of options those that mean something for data. */
export async function takenBy(spec: string, options: OpenOptions): Promise<OpenOptions> {
  const { optionsFor } = await import('../data/open.js')
  const taken: readonly string[] = await optionsFor(spec)
  return Object.fromEntries(Object.entries(options).filter(([name]) => taken.includes(name)))
}

/** Opens data by name or path and shows what is to be known of it. */
export async function openData(spec: string, options: OpenOptions = {}): Promise<AnyDataset> {
  const data = await openWithProgress(spec, options)
  for (const note of data.notes ?? []) printWarning(note)
  return data
}

/** Opens data by name or path, and shows how far it is where that takes long. */
export async function openWithProgress(spec: string, options: OpenOptions): Promise<AnyDataset> {
  const { openDataset } = await library()
  const progress = startProgress()
  const began = performance.now()
  const onProgress: OpenOptions['onProgress'] = (done, total, of) => {
    if (performance.now() - began < MS_BEFORE_PROGRESS) return
    const text =
      of === 'bytes'
        ? `looking at the data: ${bytes(done)} of ${bytes(total)}`
        : `reading images: ${count(done)} of ${count(total)}`
    progress.update(done / Math.max(1, total), text)
  }
  try {
    return await openDataset(spec, { ...options, onProgress })
  } finally {
    progress.end()
  }
}
