import type { ImageSize } from '../arguments/image-size.js'
import { allocateBytes } from '../arguments/room.js'
import { PfgmError } from '../errors.js'
import type { FilePath } from '../files/read.js'
import { type BrokenImages, brokenError, brokenNote, sizesDiffer } from './broken.js'
import { type Channels, type DecodedImage, decodeImage } from './decode.js'
import { inParallel } from './in-parallel.js'

/** Called on the way with how much is read, of how much: images, or bytes where it is still looked for what is there. */
export type OnReading = (done: number, total: number, of: 'images' | 'bytes') => void

export interface DecodeOptions {
  readonly size?: ImageSize
  readonly channels: Channels
  readonly skipBroken?: boolean
  /** What to do where some are broken, for the error. */
  readonly cure?: string
  readonly onProgress?: OnReading
  readonly signal?: AbortSignal
}

export interface DecodedImages {
  /** `[channels, height, width]`. */
  readonly shape: readonly [number, number, number]
  /** Of the files that are whole, image after image, planar. */
  readonly values: Uint8Array<ArrayBuffer>
  /** The places of these among the files. */
  readonly whole: readonly number[]
  /** What is wrong with the others, one line, where there are any. */
  readonly note?: string
}

/**
 * Decodes image files, a few at a time, into one block of memory. Without a size the first gives the one that all
 * have to have.
 *
 * @throws PfgmError `ERR_PFGM_DATA` that lists the broken files, unless they are skipped; where sizes differ; where no
 *   file is whole
 */
export async function decodeAll(files: readonly FilePath[], options: DecodeOptions): Promise<DecodedImages> {
  const { size, channels, skipBroken = false, cure, onProgress, signal } = options
  const broken = new Map<number, PfgmError>()
  const decode = async (index: number): Promise<DecodedImage | undefined> => {
    try {
      return await decodeImage(files[index]!, channels, size)
    } catch (error) {
      if (!(error instanceof PfgmError) || error.code !== 'ERR_PFGM_DATA') throw error
      broken.set(index, error)
      return undefined
    }
  }
  let done = 0
  let next = 0
  let first: DecodedImage | undefined
  while (first === undefined && next < files.length) {
    signal?.throwIfAborted()
    first = await decode(next++)
    onProgress?.(++done, files.length, 'images')
  }
  if (first === undefined) throw brokenError(inOrder(broken), files.length, cure)
  const firstIndex = next - 1
  const { width, height } = first
  const length = channels * height * width
  const values = allocateBytes(files.length * length, `${files.length} images of ${width} x ${height} pixels`)
  store(first, values, firstIndex * length)
  await inParallel(next, files.length, signal, async (index) => {
    const image = await decode(index)
    if (image !== undefined) {
      if (image.width !== width || image.height !== height) {
        throw sizesDiffer(String(files[firstIndex]), first, String(files[index]), image)
      }
      store(image, values, index * length)
    }
    onProgress?.(++done, files.length, 'images')
  })
  if (broken.size > 0 && !skipBroken) throw brokenError(inOrder(broken), files.length, cure)
  const whole = [...files.keys()].filter((index) => !broken.has(index))
  for (const [place, index] of whole.entries()) {
    if (place !== index) values.copyWithin(place * length, index * length, (index + 1) * length)
  }
  return {
    shape: [channels, height, width],
    values: values.subarray(0, whole.length * length),
    whole,
    ...(broken.size > 0 && {
      note: brokenNote(inOrder(broken), files.length),
    }),
  }
}

function store({ planes }: DecodedImage, values: Uint8Array, offset: number): void {
  let to = offset
  for (const plane of planes) {
    values.set(plane, to)
    to += plane.length
  }
}

/** In the order of the files. */
function inOrder(broken: ReadonlyMap<number, PfgmError>): BrokenImages {
  const messages = [...broken].sort(([a], [b]) => a - b).map(([, { message }]) => message)
  return { count: broken.size, messages }
}
