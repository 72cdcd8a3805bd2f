import { open } from 'node:fs/promises'
import { endianness } from 'node:os'
import { basename } from 'node:path'
import { expectBoolean, expectString, product } from '../check.js'
import { dataError, expectItemShape } from './check.js'
import type { Dataset, MappedValues } from './dataset.js'
import { fileError, lookAt } from './read.js'

export interface NpyOptions {
  /** Whether images may be mirrored left to right; images only. Default false. */
  readonly mirror?: boolean
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')
const DTYPES: ReadonlyMap<string, 'uint8' | 'float32'> = new Map([
  ['|u1', 'uint8'],
  ['<f4', 'float32'],
])

/** Whether the bytes begin like a NumPy file. */
export function isNpy(head: Uint8Array): boolean {
  return MAGIC.subarray(0, Math.min(4, head.length)).equals(head.subarray(0, 4)) && head.length >= 4
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
  const { header, offset } = await readHeader(path)
  const { dtype, shape } = parseHeader(path, header)
  const [count = 0, ...sizes] = shape
  const item = sizes.length === 2 ? [1, ...sizes] : sizes
  if (count < 1 || (item.length !== 1 && item.length !== 3) || item.some((size) => size < 1)) {
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
  const length = count * product(item)
  const wanted = offset + length * (dtype === 'float32' ? 4 : 1)
  const size = (await lookAt(path))?.size ?? 0
  if (size < wanted) throw dataError(path, `${wanted} bytes, as its header says,`, `${size}`)
  const name = basename(path).replace(/\.npy$/i, '')
  return { name, shape: item, count, values: { path, offset, dtype, length }, mirror }
}

async function readHeader(path: string): Promise<{ header: string; offset: number }> {
  const file = await open(path).catch((cause) => {
    throw fileError(path, 'a NumPy file', cause)
  })
  try {
    const head = Buffer.alloc(12)
    const { bytesRead } = await file.read(head, 0, 12, 0)
    if (bytesRead < 12 || !head.subarray(0, 6).equals(MAGIC)) {
      throw dataError(path, 'a NumPy file', 'something else')
    }
    const [start, length] = head[6] === 1 ? [10, head.readUInt16LE(8)] : [12, head.readUInt32LE(8)]
    if (length > 1e6) throw dataError(path, 'a header of a NumPy file', `one of ${length} bytes`)
    const header = Buffer.alloc(length)
    const read = await file.read(header, 0, length, start)
    if (read.bytesRead < length) throw dataError(path, `a header of ${length} bytes`, `${read.bytesRead}`)
    return { header: header.toString('latin1'), offset: start + length }
  } catch (cause) {
    throw cause instanceof Error && 'syscall' in cause ? fileError(path, 'a NumPy file', cause) : cause
  } finally {
    await file.close()
  }
}

/** The header is a dictionary in Python's notation. */
function parseHeader(path: string, header: string): { dtype: 'uint8' | 'float32'; shape: number[] } {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1]
  const dtype = DTYPES.get(descr ?? '')
  if (dtype === undefined || (dtype === 'float32' && endianness() !== 'LE')) {
    throw dataError(path, 'uint8 (|u1) or little-endian float32 (<f4)', descr ?? 'no type of one kind')
  }
  if (!/'fortran_order'\s*:\s*False/.test(header)) {
    throw dataError(path, 'the last axis to vary fastest (order C)', 'Fortran order')
  }
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1]
  if (shape === undefined) throw dataError(path, 'a shape', 'a header without one')
  return {
    dtype,
    shape: shape
      .split(',')
      .filter((size) => size.trim() !== '')
      .map(Number),
  }
}
