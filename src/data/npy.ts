import { basename } from 'node:path'
import { optionsSchema, parseOptions, SWITCH } from '../arguments/schema.js'
import { expectPath, product } from '../check.js'
import { ByteStream } from '../files/byte-stream.js'
import { expectSize, readNpyHead } from '../tensor/npy-header.js'
import { expectMirror } from './check.js'
import type { AnyDataset, Values } from './dataset.js'
import { describeArray, dtypeInPlace, readArray } from './npy-values.js'

/** How a NumPy file is read. */
export interface NpyOptions {
  /** Whether images may be mirrored left to right; images only. Default false. */
  readonly mirror?: boolean
}

export const NPY_FIELDS = { mirror: SWITCH }
const SCHEMA = optionsSchema<NpyOptions>(NPY_FIELDS)

/**
 * A data set in a NumPy file (`numpy.save`).
 *
 * The array is `[count, channels, height, width]`, `[count, height, width, channels]` (where the last axis is 1, 3 or 4
 * and the second is not), `[count, height, width]` (grey images) or `[count, dimensions]` (points), of uint8 (pixels 0 to
 * 255), bool (black and white) or float16, float32, float64 (the values themselves), in any byte and axis order.
 *
 * uint8 and little-endian float32 with channels first stay in the file: they are mapped, not read into memory, so the
 * set may be larger than it. Leave the file alone meanwhile. All else is converted into memory.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where the file is not such an array; the message has what makes it one in NumPy
 */
export async function npy(path: string, options: NpyOptions = {}): Promise<AnyDataset> {
  const { mirror = false } = parseOptions('npy', SCHEMA, options)
  expectPath('path', path)
  await using bytes = await ByteStream.open(path, 'a NumPy file')
  const header = await readNpyHead(path, bytes)
  const array = describeArray(path, header)
  const { layout, notes } = array
  expectMirror(mirror, layout.shape)
  const dtype = dtypeInPlace(array)
  let values: Values
  if (dtype === undefined) values = await readArray(path, array, bytes)
  else {
    values = { path, offset: header.offset, dtype, length: product(header.shape) }
    await expectSize(path, header.offset + values.length * array.format.bytes)
  }
  return {
    name: basename(path).replace(/\.npy$/i, ''),
    shape: layout.shape,
    count: layout.count,
    values,
    mirror,
    ...(notes.length > 0 && { notes }),
  }
}
