import { extname } from 'node:path'
import { type Fields, parse, SEED } from '../arguments/schema.js'
import { describe } from '../check.js'
import { writeZip, type ZipItem } from '../files/zip-writer.js'
import { npyBytes } from '../tensor/npy-header.js'
import { drawEach, encoded, isDrawable } from '../tensor/picture.js'
import { TENSOR, type Tensor } from '../tensor/tensor.js'
import { conditionsOf, LABEL_FIELDS, type LabelOptions } from './conditions.js'
import type { Model } from './model.js'
import { keyOf, nameOf } from './sample-folder.js'

export interface ArchiveOptions extends LabelOptions {
  /** What the first sample was drawn from: names the pictures of a zip. Default 0. */
  seed?: number | bigint
}

export const ARCHIVE_FIELDS: Fields<ArchiveOptions> = { ...LABEL_FIELDS, seed: SEED }

type Archive = (images: Tensor, seed: bigint, labels: Int32Array | undefined) => Promise<ZipItem[]>

/** Every kind of archive by what its name ends in. */
const ARCHIVES: ReadonlyMap<string, Archive> = new Map([
  ['.npz', arrays],
  ['.zip', pictures],
])

/** Endings of the files that samples may be written to together. */
export const ARCHIVE_EXTENSIONS: readonly string[] = [...ARCHIVES.keys()]

/**
 * Writes samples of a model as an archive.
 * @throws RangeError where the path ends in something else; TypeError where a zip is asked for of what are no images
 */
export async function saveSamples(
  model: Model,
  images: Tensor,
  path: string,
  { seed = 0, labels }: ArchiveOptions,
): Promise<void> {
  parse('images', TENSOR, images)
  const archive = ARCHIVES.get(extname(path).toLowerCase())
  if (archive === undefined) {
    throw new RangeError(
      `Expected path to end in ${ARCHIVE_EXTENSIONS.join(' or ')} but received ${describe(path)}`,
    )
  }
  const [count = 0] = images.shape
  const classes = labels === undefined ? undefined : conditionsOf(model, { labels }, count)(0, count).labels
  await writeZip(path, await archive(images, BigInt(seed), classes))
}

/** As the tools for scores of guided-diffusion read them: `arr_0`, pixels `[n, height, width, channels]`, and `arr_1`, labels. */
async function arrays(images: Tensor, _seed: bigint, labels: Int32Array | undefined): Promise<ZipItem[]> {
  const numbers = labels && BigInt64Array.from(labels, BigInt)
  return [
    { name: 'arr_0.npy', bytes: await valuesOf(images) },
    ...(numbers
      ? [
          {
            name: 'arr_1.npy',
            bytes: npyBytes('int64', [numbers.length], numbers),
          },
        ]
      : []),
  ]
}

/** Pixels of images; the numbers of points, and of images of other than one or three channels, as they are. */
async function valuesOf(images: Tensor): Promise<Uint8Array> {
  const [count = 0, channels = 0, height, width] = images.shape
  if (height === undefined || width === undefined || !isDrawable(images.shape.slice(1))) {
    return npyBytes(images.dtype, images.shape, await images.data())
  }
  const drawn = (await drawEach(images)).map(({ pixels }) => new Uint8Array(pixels))
  return npyBytes('uint8', [count, height, width, channels], ...drawn)
}

/** A picture each, named by its seed, and `dataset.json` with their labels: a data set of EDM's and StyleGAN's tools. */
async function pictures(images: Tensor, seed: bigint, labels: Int32Array | undefined): Promise<ZipItem[]> {
  if (images.shape.length !== 4) {
    throw new TypeError(
      `Expected images, [n, 1 or 3, height, width], for a zip of pictures but received [${images.shape.join(', ')}]`,
    )
  }
  const items: ZipItem[] = []
  for (const [i, picture] of (await drawEach(images)).entries()) {
    items.push({ name: nameOf(keyOf(seed, i)), bytes: await encoded(picture, 'png') })
  }
  if (labels === undefined) return items
  const named = items.map(({ name }, i) => [name, labels[i]])
  return [...items, { name: 'dataset.json', bytes: Buffer.from(JSON.stringify({ labels: named })) }]
}
