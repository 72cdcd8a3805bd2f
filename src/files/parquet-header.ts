import type { PageShape } from './parquet-page.js'
import { readThrift, type ThriftStruct } from './thrift.js'

/** What is said before a page. */
export interface PageHeader {
  /** Of a data page; of others undefined. */
  readonly shape?: PageShape
  /** How many values a dictionary has; of other pages undefined. */
  readonly dictionary?: number
  /** In bytes, as the page is stored and unpacked. */
  readonly stored: number
  readonly size: number
  /** CRC-32 of the bytes as stored, where the writer gave it. */
  readonly checksum?: number
  /** Of the header itself, in bytes. */
  readonly length: number
}

const [DATA, INDEX, DICTIONARY, SECOND_DATA] = [0, 1, 2, 3]

const ENCODINGS: ReadonlyMap<number, string> = new Map([
  [0, 'PLAIN'],
  [2, 'PLAIN_DICTIONARY'],
  [3, 'RLE'],
  [4, 'BIT_PACKED'],
  [5, 'DELTA_BINARY_PACKED'],
  [6, 'DELTA_LENGTH_BYTE_ARRAY'],
  [7, 'DELTA_BYTE_ARRAY'],
  [8, 'RLE_DICTIONARY'],
  [9, 'BYTE_STREAM_SPLIT'],
])

/** @throws Error where the bytes do not begin with a page's header */
export function readPageHeader(bytes: Uint8Array): PageHeader {
  const { value: fields, end: length } = readThrift(bytes, 0)
  const type = numberAt(fields, 1)
  const common = { size: numberAt(fields, 2), stored: numberAt(fields, 3), length }
  const checksum = fields.get(4)
  const header = { ...common, ...(typeof checksum === 'number' && { checksum: checksum >>> 0 }) }
  switch (type) {
    case DATA:
      return { ...header, shape: firstShape(structAt(fields, 5)) }
    case SECOND_DATA:
      return { ...header, shape: secondShape(structAt(fields, 8)) }
    case DICTIONARY:
      return { ...header, dictionary: numberAt(structAt(fields, 7), 1) }
    case INDEX:
      return header
    default:
      throw new Error(`a page of kind ${type}`)
  }
}

function firstShape(fields: ThriftStruct): PageShape {
  if (encodingAt(fields, 3) !== 'RLE') throw new Error('levels encoded otherwise than by RLE')
  return { count: numberAt(fields, 1), encoding: encodingAt(fields, 2) }
}

function secondShape(fields: ThriftStruct): PageShape {
  const levels = {
    repetition: numberAt(fields, 6),
    definition: numberAt(fields, 5),
    isPacked: fields.get(7) !== false,
  }
  return { count: numberAt(fields, 1), encoding: encodingAt(fields, 4), levels }
}

function encodingAt(fields: ThriftStruct, place: number): string {
  const number = numberAt(fields, place)
  return ENCODINGS.get(number) ?? `number ${number}`
}

function numberAt(fields: ThriftStruct, place: number): number {
  const value = fields.get(place)
  if (typeof value !== 'number' || !(value >= 0 && value < 2 ** 31))
    throw new Error(`a page whose field ${place} is none`)
  return value
}

function structAt(fields: ThriftStruct, place: number): ThriftStruct {
  const value = fields.get(place)
  if (!(value instanceof Map)) throw new Error(`a page without its field ${place}`)
  return value
}
