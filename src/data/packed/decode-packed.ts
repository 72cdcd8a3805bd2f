import type { ImageSize } from '../../arguments/image-size.js'
import { PfgmError } from '../../errors.js'
import { sizesDiffer } from '../broken.js'
import { type Channels, type DecodedImage, decodeBytes } from '../decode.js'
import type { OnReading } from '../decode-all.js'
import { inParallel } from '../in-parallel.js'
import type { PackedImage, PackedSource } from './format.js'
import type { PartialImages } from './partial.js'

export interface DecodePackedOptions {
  readonly size: ImageSize | undefined
  readonly channels: Channels
  readonly onProgress: OnReading | undefined
  readonly signal: AbortSignal | undefined
}

/** Images that are decoded before they are written, in number and in bytes, encoded or not. */
const LONGEST_BATCH = 256
const LARGEST_BATCH = 2 ** 26

/** Of images as they are, and of those that are scaled: what one takes in memory until then. */
const MOST_PIXELS_AS_IS = 2 ** 24
const MOST_PIXELS_SCALED = 5e7

/**
 * Decodes the images of a source that a file has not yet, a few at a time, and adds them to it. Broken ones are noted there.
 * @throws PfgmError `ERR_PFGM_DATA` where the source is damaged, or sizes differ
 */
export async function decodePacked(
  source: PackedSource,
  into: PartialImages,
  options: DecodePackedOptions,
): Promise<void> {
  const { onProgress, signal } = options
  const { count } = source
  let done = into.progress.next
  const mostItems = (): number =>
    Math.min(LONGEST_BATCH, Math.max(1, Math.floor(LARGEST_BATCH / into.length)))
  for await (const batch of batches(source.images(done), () => (into.length === 0 ? 1 : mostItems()))) {
    const decoded: (DecodedImage | PfgmError)[] = []
    await inParallel(0, batch.length, signal, async (index) => {
      const image = await decodedOr(batch[index]!, options)
      decoded[index] = image instanceof Error || fits(image, into) ? image : { ...image, planes: [] }
      onProgress?.(++done, count, 'images')
    })
    await store(batch, decoded, into, count)
  }
}

async function* batches(
  images: AsyncIterable<PackedImage>,
  mostItems: () => number,
): AsyncGenerator<PackedImage[]> {
  let batch: PackedImage[] = []
  let bytes = 0
  for await (const image of images) {
    batch.push(image)
    bytes += image.bytes instanceof Error ? 0 : image.bytes.length
    if (batch.length < mostItems() && bytes < LARGEST_BATCH) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

async function decodedOr(
  { title, bytes }: PackedImage,
  { size, channels }: DecodePackedOptions,
): Promise<DecodedImage | PfgmError> {
  try {
    if (bytes instanceof Error) throw bytes
    const mostPixels = size === undefined ? MOST_PIXELS_AS_IS : MOST_PIXELS_SCALED
    return await decodeBytes(title, bytes, channels, size, mostPixels)
  } catch (error) {
    if (error instanceof PfgmError && error.code === 'ERR_PFGM_DATA') return error
    throw error
  }
}

/** Of images of another size all but the size is let go at once: an archive packs gigabytes of them into little. */
function fits({ width, height }: DecodedImage, { length, progress }: PartialImages): boolean {
  return length === 0 || (width === progress.width && height === progress.height)
}

async function store(
  batch: readonly PackedImage[],
  decoded: readonly (DecodedImage | PfgmError)[],
  into: PartialImages,
  total: number,
): Promise<void> {
  const { progress } = into
  const planes: Uint8Array[] = []
  let whole = 0
  for (const [i, image] of decoded.entries()) {
    if (image instanceof Error) {
      into.skip(image.message)
      continue
    }
    const { title } = batch[i]!
    if (into.length === 0) {
      const { width, height } = image
      Object.assign(progress, { width, height, firstTitle: title })
      await into.expectRoom(total - progress.next)
    } else if (!fits(image, into)) {
      throw sizesDiffer(progress.firstTitle, progress, title, image)
    }
    planes.push(...image.planes)
    progress.next++
    whole++
  }
  if (whole > 0) await into.append(planes, whole)
}
