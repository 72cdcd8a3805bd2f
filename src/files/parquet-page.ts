import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { unsnapped } from './snappy.js'

/** What a column has: bytes, numbers, or nothing. */
export type ParquetValue = Buffer | number | null

/** How values of a column are stored. */
export interface Storage {
  /** As Parquet names types. */
  readonly type: string
  readonly codec: string
  /** How many of the structures that lead to a value, itself included, may be missing. */
  readonly optional: number
}

/** What a page's header says of its values. */
export interface PageShape {
  readonly count: number
  readonly encoding: string
  /** Bytes of the levels before the values, of the second version, which leaves these unpacked. */
  readonly levels?: { readonly repetition: number; readonly definition: number; readonly isPacked: boolean }
}

/**
 * Unpacks a page. @param size that it then has
 * @throws Error where it has another, or is packed by what is not read
 */
export async function unpacked(bytes: Buffer, codec: string, size: number): Promise<Buffer> {
  const found = await unpack(bytes, codec, size)
  if (found.length !== size) throw new Error(`${found.length} bytes where ${size} were told of`)
  return found
}

function unpack(bytes: Buffer, codec: string, size: number): Buffer | Promise<Buffer> {
  const options = { maxOutputLength: Math.max(1, size) }
  switch (codec) {
    case 'UNCOMPRESSED':
      return bytes
    case 'SNAPPY':
      return unsnapped(bytes, size)
    case 'GZIP':
      return promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip)(bytes, options)
    case 'BROTLI':
      return promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress)(bytes, options)
    case 'ZSTD':
      if ('zstdDecompress' in zlib) {
        return promisify<Buffer, object, Buffer>(zlib.zstdDecompress as never)(bytes, options)
      }
      throw new Error('a page packed by ZSTD, which Node.js unpacks from 22.15 on: pack it by SNAPPY')
    default:
      throw new Error(`a page packed by ${codec}: pack it by SNAPPY, GZIP or BROTLI, or not`)
  }
}

/**
 * The values of a data page.
 * @param page unpacked but for the levels of the second version
 * @throws Error where it is damaged, or encoded as is not read
 */
export async function pageValues(
  page: Buffer,
  { count, encoding, levels }: PageShape,
  storage: Storage,
  dictionary: readonly ParquetValue[] | undefined,
  size: number,
): Promise<ParquetValue[]> {
  const { optional, codec, type } = storage
  let at = 0
  let present: Uint8Array | undefined
  let values: Buffer
  if (levels === undefined) {
    const whole = await unpacked(page, codec, size)
    if (optional > 0) {
      const length = whole.readUInt32LE(0)
      present = isPresent(hybrid(within(whole, 4, length), widthOf(optional), count), optional)
      at = 4 + length
    }
    values = whole.subarray(at)
  } else {
    const { repetition, definition, isPacked } = levels
    at = repetition + definition
    if (optional > 0) {
      present = isPresent(hybrid(within(page, repetition, definition), widthOf(optional), count), optional)
    }
    const rest = within(page, at, page.length - at)
    values = isPacked ? await unpacked(rest, codec, size - at) : rest
  }
  const some = present === undefined ? count : present.reduce((sum, one) => sum + one, 0)
  return spread(decoded(values, encoding, some, type, dictionary), present)
}

/** Values one after the other, as dictionaries and pages without a better idea have them. */
export function plain(bytes: Buffer, type: string, count: number): ParquetValue[] {
  if (count * leastBytes(type) > bytes.length) throw new Error(`${count} values in ${bytes.length} bytes`)
  let at = 0
  return Array.from({ length: count }, () => {
    if (type === 'INT32') return bytes.readInt32LE(4 * at++)
    if (type === 'INT64') return Number(bytes.readBigInt64LE(8 * at++))
    const length = bytes.readUInt32LE(at)
    const value = within(bytes, at + 4, length)
    at += 4 + length
    return value
  })
}

/** Of byte arrays their length. */
function leastBytes(type: string): number {
  if (type === 'INT64') return 8
  if (type === 'INT32' || type === 'BYTE_ARRAY') return 4
  throw new Error(`values of type ${type}`)
}

function decoded(
  bytes: Buffer,
  encoding: string,
  count: number,
  type: string,
  dictionary: readonly ParquetValue[] | undefined,
): ParquetValue[] {
  if (encoding === 'PLAIN') return plain(bytes, type, count)
  if (encoding !== 'RLE_DICTIONARY' && encoding !== 'PLAIN_DICTIONARY') {
    throw new Error(`values encoded by ${encoding}: write them plain or by a dictionary`)
  }
  if (count === 0) return []
  if (dictionary === undefined) throw new Error('places in a dictionary that is missing')
  const places = hybrid(bytes.subarray(1), bytes.readUInt8(0), count)
  return Array.from(places, (place) => {
    if (place >= dictionary.length) throw new Error(`place ${place} of a dictionary of ${dictionary.length}`)
    return dictionary[place]!
  })
}

function spread(values: ParquetValue[], present: Uint8Array | undefined): ParquetValue[] {
  if (present === undefined) return values
  let next = 0
  return Array.from(present, (one) => (one === 1 ? values[next++]! : null))
}

function isPresent(levels: Uint32Array, optional: number): Uint8Array {
  return Uint8Array.from(levels, (level) => (level === optional ? 1 : 0))
}

function widthOf(largest: number): number {
  return 32 - Math.clz32(largest)
}

/** So many numbers of a few bits each, in runs of one value or packed in groups of eight. */
export function hybrid(bytes: Buffer, width: number, count: number): Uint32Array {
  if (width > 32) throw new Error(`numbers of ${width} bits`)
  const numbers = new Uint32Array(count)
  let at = 0
  let filled = 0
  const byte = (): number => {
    if (at >= bytes.length) throw new Error(`${filled} numbers where ${count} were told of`)
    return bytes[at++]!
  }
  while (filled < count) {
    let head = 0
    for (let i = 0, more = true; more; i++) {
      const next = byte()
      head += (next & 127) * 2 ** (7 * i)
      more = next >= 128
      if (more && i === 4) throw new Error('a run of more than 2^35')
    }
    const length = Math.floor(head / 2) * (head % 2 === 1 ? 8 : 1)
    if (length === 0) throw new Error('a run of nothing')
    const end = Math.min(count, filled + length)
    if (head % 2 === 0) {
      let value = 0
      for (let i = 0; i < Math.ceil(width / 8); i++) value += byte() * 2 ** (8 * i)
      if (value >= 2 ** width) throw new Error(`${value} where numbers have ${width} bits`)
      numbers.fill(value, filled, end)
      filled = end
    } else {
      const first = at
      for (let bit = 0; filled < end; filled++, bit += width) {
        numbers[filled] = bitsAt(bytes, first * 8 + bit, width)
      }
      at = first + (length / 8) * width
    }
  }
  return numbers
}

/** The number of some bits, the lowest first. */
function bitsAt(bytes: Buffer, first: number, width: number): number {
  const end = Math.ceil((first + width) / 8)
  if (end > bytes.length) throw new Error('packed numbers that are cut short')
  let value = 0
  for (let i = end - 1; i >= first >> 3; i--) value = value * 256 + bytes[i]!
  return Math.floor(value / 2 ** (first & 7)) % 2 ** width
}

function within(bytes: Buffer, start: number, length: number): Buffer {
  if (!(start >= 0 && length >= 0 && start + length <= bytes.length)) {
    throw new Error(`${length} bytes at ${start} of a page of ${bytes.length}`)
  }
  return bytes.subarray(start, start + length)
}
