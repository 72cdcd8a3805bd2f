import { type ImageSize, imageSize } from '../arguments/image-size.js'
import { allocateBytes } from '../arguments/room.js'
import { oneOf, optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath, unexpected } from '../check.js'
import type { Dataset } from './dataset.js'
import type { Channels } from './decode.js'
import { decodeAll } from './decode-all.js'

/** How image files are read. */
export interface ImagesOptions {
  /**
   * Height and width, 1 to 4096, one number for both: each image is scaled to cover that and cropped around the centre.
   * Default: the images as they are, which must then all be of one size.
   */
  readonly size?: ImageSize
  /** 3 for colour, 1 for grey. Default 3. */
  readonly channels?: Channels
}

const SCHEMA = optionsSchema<ImagesOptions>({ size: imageSize(1), channels: oneOf([1, 3]) })

/**
 * Image files (png, jpeg, webp, gif, tiff, avif, bmp) in the order given, pixels 0 to 255, planar. A file that is given
 * several times is read once.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where some are missing or do not decode, all of which are listed, or the sizes
 *   differ and no size was asked for
 */
export async function images(
  files: readonly string[],
  options: ImagesOptions = {},
): Promise<Dataset<Uint8Array<ArrayBuffer>>> {
  expectPaths(files)
  const { channels = 3, ...scaling } = parseOptions('images', SCHEMA, options)
  const different = [...new Set(files)]
  const { values, shape } = await decodeAll(different, { ...scaling, channels })
  const count = files.length
  return { name: 'images', shape, count, values: repeat(values, different, files), mirror: false }
}

function expectPaths(files: unknown): asserts files is readonly string[] {
  const expected = 'an array of paths'
  if (!Array.isArray(files)) throw new TypeError(unexpected('files', expected, files))
  for (const [index, file] of files.entries()) expectPath(`files[${index}]`, file)
  if (files.length === 0) throw new RangeError(unexpected('files', `${expected}, at least one,`, files))
}

/** The image of each file, from those of the different ones. */
function repeat(
  values: Uint8Array<ArrayBuffer>,
  different: readonly string[],
  files: readonly string[],
): Uint8Array<ArrayBuffer> {
  if (different.length === files.length) return values
  const length = values.length / different.length
  const places = new Map(different.map((file, index) => [file, index * length]))
  const repeated = allocateBytes(files.length * length, `${files.length} images`)
  for (const [index, file] of files.entries()) {
    const from = places.get(file)!
    repeated.set(values.subarray(from, from + length), index * length)
  }
  return repeated
}
