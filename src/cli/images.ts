import { extname } from 'node:path'
import { IMAGE_EXTENSIONS } from '../data/image-files.js'
import type { AnyDataset, ImageSides, ImageTensor, PoissonFlow, Tensor } from '../index.js'
import { UsageError } from './errors.js'
import { library } from './library.js'
import { expectTaken, openDataFor, picturesOf, type Reading } from './model-data.js'

/** Images to work on, and what to call each of them. */
export interface NamedImages {
  readonly images: ImageTensor
  readonly names: readonly string[]
}

/** What the help says about `<images...>`. */
export const IMAGES_HELP = `
What <images> may be: image files, or the name of data as for train: digits, folder:FOLDER, npy:FILE, ... (the first
--count items). Pictures in files are scaled and cropped to the model's size.`

const DEFAULT_COUNT = 16

/** Image files, or the first `count` items of a data set, as a model takes them. */
export async function readImages(
  flow: PoissonFlow,
  sources: readonly string[],
  count: number | undefined,
  reading: Reading,
): Promise<NamedImages> {
  const [first = ''] = sources
  if (sources.every(isImageFile)) {
    await expectTaken(reading, [])
    if (count !== undefined) throw new UsageError('Expected no --count for image files but received one')
    return { images: await readFiles(flow, sources), names: sources }
  }
  if (sources.length > 1) {
    const other = sources.find((source) => !isImageFile(source))
    throw new UsageError(
      `Expected image files or the name of one data set but received ${other} among several`,
    )
  }
  await expectTaken(reading, [first])
  const data = await openDataFor(flow, first, 'images', reading)
  const images = await dataTensor(data, count ?? DEFAULT_COUNT)
  return { images, names: Array.from({ length: images.shape[0]! }, (_, i) => `${data.name}[${i}]`) }
}

/** The first items of a data set, at most so many. */
export async function dataTensor({ shape, values, count }: AnyDataset, most: number): Promise<ImageTensor> {
  const { Tensor } = await library()
  const some = Math.min(most, count)
  const size = shape.reduce((product, length) => product * length, 1)
  const items =
    'path' in values
      ? await Tensor.map(values.path, values.dtype, [some, ...shape], values.offset)
      : await Tensor.from(values.subarray(0, some * size), [some, ...shape])
  return items as ImageTensor
}

/** Image files as a tensor of the size that a model is for. */
export async function readFiles(flow: PoissonFlow, files: readonly string[]): Promise<Tensor<'uint8'>> {
  const { channels, height, width } = imagesOf(flow, files[0]!)
  const { datasets, Tensor } = await library()
  const { values, count, shape } = await datasets.images(files, { size: [height, width], channels })
  return Tensor.from<'uint8'>(values, [count, ...shape])
}

/**
 * An image file as it is.
 * @param sizes that it may have
 * @param why it must have one of them: `as the model's images are`
 */
export async function readAsItIs(
  file: string,
  channels: 1 | 3,
  sizes: readonly ImageSides[],
  why: string,
): Promise<Tensor<'uint8'>> {
  const { datasets, Tensor } = await library()
  const { values, shape } = await datasets.images([file], { channels })
  const [, height, width] = shape
  if (sizes.some(([high, wide]) => high === height && wide === width)) {
    return Tensor.from<'uint8'>(values, [1, ...shape])
  }
  const possible = sizes.map(([high, wide]) => `${wide} x ${high}`).join(' or ')
  throw new UsageError(
    `Expected ${file} to be of ${possible} pixels, ${why}, but received ${width} x ${height}`,
  )
}

/** What the images of a model are; it is an error where they are none. */
export function imagesOf(flow: PoissonFlow, file: string): NonNullable<ReturnType<typeof picturesOf>> {
  const pictures = picturesOf(flow)
  if (pictures) return pictures
  throw new UsageError(
    `Expected data for a model of [${flow.network.itemShape.join(', ')}] but received ${file}, an image`,
  )
}

export function isImageFile(path: string): boolean {
  return (IMAGE_EXTENSIONS as readonly string[]).includes(extname(path).slice(1).toLowerCase())
}
