import { endianness } from 'node:os'
import { z } from 'zod'
import { product } from '../check.js'
import { ByteStream } from '../files/byte-stream.js'
import { dataError, lookAt } from '../files/read.js'
import type { Dtype } from '../native/addon.js'

const ZIP = Buffer.from('PK')
const MAGIC = Buffer.from('\x93NUMPY', 'latin1')

const DESCRIPTIONS: Readonly<Record<Dtype, string>> = {
  float32: '<f4',
  float64: '<f8',
  uint8: '|u1',
  int64: '<i8',
}
const valueBytes = (dtype: Dtype): number => Number(DESCRIPTIONS[dtype].slice(2))

/** What a NumPy file says about its array. */
export interface NpyHeader {
  /** `<f4`; something else where it is an array of records. */
  readonly descr: unknown
  /** Whether the first axis varies fastest. */
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
  /** Where the values begin, in bytes. */
  readonly offset: number
}

/** The type of an array's values. */
export interface NpyType {
  /** NumPy's letter: `b` boolean, `i` and `u` integers, `f` float, `c` complex, `O` Python objects, … */
  readonly kind: string
  readonly bytes: number
  readonly bigEndian: boolean
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

/** A NumPy file of values, in one piece or several. */
export function npyBytes(
  dtype: Dtype,
  shape: readonly number[],
  ...values: readonly ArrayBufferView[]
): Buffer {
  const bytes = values.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  )
  return Buffer.concat([npyHead(dtype, shape), ...bytes])
}

/**
 * Reads the head of a NumPy file of one of some dtypes, little-endian and in order C, that has at least one value.
 * @throws PfgmError `ERR_PFGM_DATA` where the file is something else, or shorter than its head says
 */
export async function readNpyHeader<D extends Dtype>(
  path: string,
  dtypes: readonly D[],
): Promise<{ dtype: D; shape: readonly number[]; offset: number }> {
  await using bytes = await ByteStream.open(path, 'a NumPy file')
  const { descr, fortranOrder, shape, offset } = await readNpyHead(path, bytes)
  const type = npyType(descr)
  const dtype = dtypes.find((one) => type !== undefined && isSame(type, npyType(DESCRIPTIONS[one])!))
  if (dtype === undefined || (valueBytes(dtype) > 1 && endianness() !== 'LE')) {
    throw dataError(path, dtypes.map(inWords).join(' or '), describeType(descr))
  }
  if (fortranOrder) throw dataError(path, 'the last axis to vary fastest (order C)', 'Fortran order')
  if (shape.length === 0 || shape.includes(0)) {
    throw dataError(path, 'an array of at least one axis and one value', `[${shape.join(', ')}]`)
  }
  await expectSize(path, offset + product(shape) * valueBytes(dtype))
  return { dtype, shape, offset }
}

/** @throws PfgmError `ERR_PFGM_DATA` where a file is shorter than the bytes that its header tells of */
export async function expectSize(path: string, wanted: number): Promise<void> {
  const size = (await lookAt(path))?.size ?? 0
  if (size < wanted) throw dataError(path, `${wanted} bytes, as its header says,`, `${size}`)
}

/**
 * Reads the head of an array's bytes, whatever it holds; the values come next.
 * @throws PfgmError `ERR_PFGM_DATA` where it is none
 */
export async function readNpyHead(name: string, bytes: ByteStream): Promise<NpyHeader> {
  const start = await bytes.take(10)
  if (start.length < 10 || !start.subarray(0, 6).equals(MAGIC)) {
    const isArchive = start.subarray(0, 2).equals(ZIP)
    throw dataError(name, 'a NumPy file', isArchive ? 'an archive, which npz reads' : 'something else')
  }
  const isFirstVersion = start[6] === 1
  const lengthBytes = isFirstVersion
    ? start.subarray(8)
    : Buffer.concat([start.subarray(8), await bytes.take(2)])
  const length = lengthBytes.readUIntLE(0, lengthBytes.length)
  if (length > 1e6) throw dataError(name, 'a header of a NumPy file', `one of ${length} bytes`)
  const text = await bytes.take(length)
  if (text.length < length) throw dataError(name, `a header of ${length} bytes`, `${text.length}`)
  return { ...parseHead(name, text.toString('latin1')), offset: 8 + lengthBytes.length + length }
}

const HEAD = z.object({
  descr: z.unknown(),
  fortran_order: z.boolean(),
  shape: z.array(z.number().int().nonnegative()),
})

function parseHead(name: string, text: string): Omit<NpyHeader, 'offset'> {
  const head = HEAD.safeParse(parsePython(text))
  if (!head.success) {
    throw dataError(
      name,
      "a header with 'descr', 'fortran_order' and 'shape'",
      JSON.stringify(text.trim().slice(0, 200)),
    )
  }
  const { descr, fortran_order: fortranOrder, shape } = head.data
  return { descr, fortranOrder, shape }
}

/** A string, a whole number (`L` after it in Python 2), a word, or a sign. */
const TOKEN = /'([^'\\]*)'|"([^"\\]*)"|(\d+)L?|([A-Za-z]+)|([{}()[\],:])|\s+|./g

/** Rewritten as JSON, a literal of strings, numbers, booleans, tuples, lists and dictionaries; else nothing. */
function parsePython(text: string): unknown {
  const json = text.replaceAll(TOKEN, (token, single, double, digits, word, sign) => {
    if (single !== undefined || double !== undefined) return JSON.stringify(single ?? double)
    if (digits !== undefined) return digits.replace(/^0+(?=\d)/, '')
    if (word !== undefined) return word.toLowerCase()
    if (sign !== undefined) return sign === '(' ? '[' : sign === ')' ? ']' : sign
    return token.trim()
  })
  try {
    return JSON.parse(json.replaceAll(/,(?=[\]}])/g, ''))
  } catch {
    return undefined
  }
}

/** The type that a description such as `<f4` or `|u1` names; none where it is one of records. */
export function npyType(descr: unknown): NpyType | undefined {
  const parts = typeof descr === 'string' ? /^([<>|=]?)([A-Za-z?])(\d*)/.exec(descr) : undefined
  if (!parts) return undefined
  const [, order = '', letter = '', digits = ''] = parts
  const kind = letter === '?' ? 'b' : letter
  const bytes = letter === '?' ? 1 : Number(digits)
  const isHosts = order === '' || order === '='
  return { kind, bytes, bigEndian: bytes > 1 && (isHosts ? endianness() === 'BE' : order === '>') }
}

function isSame(a: NpyType, b: NpyType): boolean {
  return a.kind === b.kind && a.bytes === b.bytes && a.bigEndian === b.bigEndian
}

/** `int64 (<i8)`; of a type without such a name what the file has. */
export function describeType(descr: unknown): string {
  const type = npyType(descr)
  const name = type && KIND_NAMES.get(type.kind)
  const text = typeof descr === 'string' ? descr : JSON.stringify(descr)
  if (type === undefined || name === undefined) return text
  const bits = ['b', 'O'].includes(type.kind) ? '' : 8 * type.bytes
  return `${type.bigEndian ? 'big-endian ' : ''}${name}${bits} (${text})`
}

const KIND_NAMES: ReadonlyMap<string, string> = new Map([
  ['b', 'bool'],
  ['i', 'int'],
  ['u', 'uint'],
  ['f', 'float'],
  ['c', 'complex'],
  ['O', 'Python objects'],
])

function inWords(dtype: Dtype): string {
  return `${valueBytes(dtype) > 1 ? 'little-endian ' : ''}${dtype} (${DESCRIPTIONS[dtype]})`
}
