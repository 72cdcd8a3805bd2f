import { basename } from 'node:path'
import { expectBoolean, expectString, product } from '../check.js'
import { dataError } from '../files/read.js'
import { readNpyHeader } from '../tensor/npy-header.js'
import { expectItemShape } from './check.js'
import type { Dataset, MappedValues } from './dataset.js'

export interface NpyOptions {
  /** Whether images may be mirrored left to right; images only. Default false. */
  readonly mirror?: boolean
}

/**
 * A data set in a NumPy file (`numpy.save`), whose values stay there: they are mapped, not read into memory, so the set
 * may be larger than it. Leave the file alone meanwhile.
 *
 * The array is `[count, channels, height, width]` (planar images), `[count, height, width]` (grey images) or
 * `[count, dimensions]` (points), of uint8 (pixels 0 to 255) or float32 (the values themselves).
 *
 * @throws PfgmError `ERR_PFGM_DATA` where the file is not such an array
 */
export async function npy(path: string, options: NpyOptions = {}): Promise<Dataset<MappedValues>> {
  expectString('path', path)
  const { mirror = false } = options
  expectBoolean('mirror', mirror)
  const { dtype, shape, offset } = await readNpyHeader(path, ['uint8', 'float32'])
  const [count = 0, ...sizes] = shape
  const item = sizes.length === 2 ? [1, ...sizes] : sizes
  if (item.length !== 1 && item.length !== 3) {
    throw dataError(
      path,
      'an array of items, [n, channels, height, width], [n, height, width] or [n, d]',
      `[${shape.join(', ')}]`,
    )
  }
  expectItemShape('shape', item)
  if (mirror && item.length === 1) {
    throw new RangeError(
      `Expected mirror to be false for points of shape [${item.join(', ')}] but received true`,
    )
  }
  const name = basename(path).replace(/\.npy$/i, '')
  return { name, shape: item, count, values: { path, offset, dtype, length: product(shape) }, mirror }
}
