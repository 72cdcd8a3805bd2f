import { expectInteger, expectOneOf } from '../check.js'
import { dataError } from '../files/read.js'
import type { Dataset } from './dataset.js'
import { type Channels, decodeImage } from './decode.js'

export interface ImagesOptions {
  /** Height and width: each image is scaled to cover the square and cropped around the centre, 1 to 4096. */
  readonly size: number
  /** 3 for colour, 1 for grey. Default 3. */
  readonly channels?: Channels
}

/**
 * Image files (png, jpeg, webp, gif, tiff, avif) in the order given, pixels 0 to 255, planar.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where one is missing or does not decode
 */
export async function images(
  files: readonly string[],
  { size, channels = 3 }: ImagesOptions,
): Promise<Dataset<Uint8Array>> {
  expectInteger('size', size, 1, 4096)
  expectOneOf('channels', channels, [1, 3])
  if (files.length === 0) throw dataError('files', 'at least one image', 'none')
  const decoded = await Promise.all(files.map((file) => decodeImage(file, channels, size)))
  const values = Buffer.concat(decoded.flatMap(({ planes }) => planes))
  return {
    name: 'images',
    shape: [channels, size, size],
    count: files.length,
    values: new Uint8Array(values.buffer, values.byteOffset, values.length),
    mirror: false,
  }
}
