import { open } from 'node:fs/promises'
import { endianness } from 'node:os'
import { product } from '../check.js'
import { dataError, fileError, lookAt } from '../files/read.js'
import type { Dtype } from '../native/addon.js'

const MAGIC = Buffer.from('\x93NUMPY', 'latin1')

const DESCRIPTIONS: Readonly<Record<Dtype, string>> = {
  float32: '<f4',
  float64: '<f8',
  uint8: '|u1',
  int64: '<i8',
}
const valueBytes = (dtype: Dtype): number => Number(DESCRIPTIONS[dtype].slice(2))

/** What a NumPy file says about its array. */
export interface NpyHeader<D extends Dtype> {
  readonly dtype: D
  readonly shape: readonly number[]
  /** Where the values begin, in bytes. */
  readonly offset: number
}

/** Whether the bytes begin like a NumPy file. */
export function isNpy(head: Uint8Array): boolean {
  return MAGIC.subarray(0, Math.min(4, head.length)).equals(head.subarray(0, 4)) && head.length >= 4
}

/** The head of a NumPy file, version 1.0: a dictionary in Python's notation, padded so that the values are aligned. */
export function npyHead(dtype: Dtype, shape: readonly number[]): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`
  const before = 10
  const length = Math.ceil((before + text.length + 1) / 64) * 64 - before
  const head = Buffer.alloc(before)
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(length, 8)
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')])
}

/**
 * Reads the head of a NumPy file of one of some dtypes, little-endian and in order C, that has at least one value.
 * @throws PfgmError `ERR_PFGM_DATA` where the file is something else, or shorter than its head says
 */
export async function readNpyHeader<D extends Dtype>(
  path: string,
  dtypes: readonly D[],
): Promise<NpyHeader<D>> {
  const { text, offset } = await readHead(path)
  const header = { ...parseHead(path, text, dtypes), offset }
  if (header.shape.length === 0 || header.shape.includes(0)) {
    throw dataError(path, 'an array of at least one axis and one value', `[${header.shape.join(', ')}]`)
  }
  const wanted = offset + product(header.shape) * valueBytes(header.dtype)
  const size = (await lookAt(path))?.size ?? 0
  if (size < wanted) throw dataError(path, `${wanted} bytes, as its header says,`, `${size}`)
  return header
}

async function readHead(path: string): Promise<{ text: string; offset: number }> {
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
    const text = Buffer.alloc(length)
    const read = await file.read(text, 0, length, start)
    if (read.bytesRead < length) throw dataError(path, `a header of ${length} bytes`, `${read.bytesRead}`)
    return { text: text.toString('latin1'), offset: start + length }
  } catch (cause) {
    throw cause instanceof Error && 'syscall' in cause ? fileError(path, 'a NumPy file', cause) : cause
  } finally {
    await file.close()
  }
}

function parseHead<D extends Dtype>(
  path: string,
  head: string,
  dtypes: readonly D[],
): { dtype: D; shape: number[] } {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(head)?.[1]
  const dtype = dtypes.find((one) => DESCRIPTIONS[one] === descr)
  if (dtype === undefined || (valueBytes(dtype) > 1 && endianness() !== 'LE')) {
    throw dataError(path, dtypes.map(inWords).join(' or '), descr ?? 'no type of one kind')
  }
  if (!/'fortran_order'\s*:\s*False/.test(head)) {
    throw dataError(path, 'the last axis to vary fastest (order C)', 'Fortran order')
  }
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(head)?.[1]
  if (shape === undefined) throw dataError(path, 'a shape', 'a header without one')
  const sizes = shape.split(',').filter((size) => size.trim() !== '')
  return { dtype, shape: sizes.map(Number) }
}

function inWords(dtype: Dtype): string {
  return `${valueBytes(dtype) > 1 ? 'little-endian ' : ''}${dtype} (${DESCRIPTIONS[dtype]})`
}
