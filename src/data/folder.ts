import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { expectBoolean, expectInteger, expectOneOf, expectString } from '../check.js'
import { PfgmError } from '../errors.js'
import { dataError } from '../files/read.js'
import { allocateBytes } from './check.js'
import type { Dataset } from './dataset.js'
import { type Channels, type DecodedImage, decodeImage } from './decode.js'
import { findImages, IMAGE_EXTENSIONS } from './image-files.js'

export interface FolderOptions {
  /**
   * Height and width of the images, 1 to 4096: each is scaled (up or down) to cover the square and cropped around the
   * centre. Default: the images as they are, which must then all be of one size.
   */
  readonly size?: number
  /** 3 for colour (grey images get three equal planes), 1 for grey. Default 3. */
  readonly channels?: Channels
  /** Whether images may be mirrored left to right. Default true. */
  readonly mirror?: boolean
  /** Called after each image with how many are read, of how many. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends the reading; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Decoded images in flight; each is small work, so a few keep the cores busy. */
const MAX_PARALLEL = 8

/**
 * The images of a folder (png, jpeg, webp, gif, tiff, avif), sorted by name, pixels 0 to 255, planar.
 *
 * Images may also lie in folders right inside it. If all do, the folder's place in the sorted list is the label
 * (left out where there are more than 256 such folders). Images are turned upright by their EXIF orientation;
 * transparency is laid on white; of an animation the first frame is taken.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where there are no images, one does not decode, or the sizes differ and no size
 *   was asked for
 */
export async function folder(path: string, options: FolderOptions = {}): Promise<Dataset> {
  const { size, channels = 3, mirror = true, onProgress, signal } = options
  expectString('path', path)
  if (size !== undefined) expectInteger('size', size, 1, 4096)
  expectOneOf('channels', channels, [1, 3])
  expectBoolean('mirror', mirror)
  signal?.throwIfAborted()

  const { files, labels, others } = await findImages(path)
  if (files.length === 0) throw dataError(path, `images (${IMAGE_EXTENSIONS.join(', ')})`, others)
  // The first image gives the size that all have to have.
  const first = await decodeImage(files[0]!, channels, size)
  const { width, height } = first
  const length = channels * height * width
  const values = allocateBytes(files.length * length, `${files.length} images of ${width} x ${height} pixels`)
  let done = 0
  const store = (image: DecodedImage, index: number): void => {
    for (const [plane, pixels] of image.planes.entries()) {
      values.set(pixels, index * length + plane * height * width)
    }
    onProgress?.(++done, files.length)
  }
  store(first, 0)
  await inParallel(1, files.length, signal, async (index) => {
    const image = await decodeImage(files[index]!, channels, size)
    if (image.width !== width || image.height !== height) throw sizesDiffer(files, index, image, first)
    store(image, index)
  })
  const shape = [channels, height, width]
  return {
    name: basename(resolve(path)),
    shape,
    count: files.length,
    values,
    mirror,
    ...(labels && { labels }),
  }
}

/** Runs a task for each index, a bounded number at a time; the first failure or the signal stops the rest. */
async function inParallel(
  begin: number,
  end: number,
  signal: AbortSignal | undefined,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = begin
  const work = async (): Promise<void> => {
    while (next < end) {
      signal?.throwIfAborted()
      try {
        await task(next++)
      } catch (error) {
        next = end
        throw error
      }
    }
  }
  const workers = Math.min(MAX_PARALLEL, availableParallelism(), end - begin)
  const outcomes = await Promise.allSettled(Array.from({ length: workers }, work))
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function sizesDiffer(
  files: readonly string[],
  index: number,
  image: DecodedImage,
  first: DecodedImage,
): PfgmError {
  return new PfgmError(
    'ERR_PFGM_DATA',
    `Expected images of one size but ${files[0]} is ${first.width} x ${first.height} and ${files[index]} is ` +
      `${image.width} x ${image.height}; give a size to scale and crop them to (size, --size N)`,
  )
}
