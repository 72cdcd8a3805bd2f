import { basename, dirname, join } from 'node:path'
import { allocateBytes } from '../arguments/room.js'
import { optionsSchema, parseOptions, SWITCH, TEXT } from '../arguments/schema.js'
import { expectPath, product } from '../check.js'
import { PfgmError } from '../errors.js'
import { ByteStream } from '../files/byte-stream.js'
import { dataError, lookAt } from '../files/read.js'
import type { Dataset } from './dataset.js'
import { readNumbers } from './numbers.js'

/** How an IDX file is read. */
export interface IdxOptions {
  /**
   * An IDX file of uint8 with one label an item. Default: the file beside the images' that is called as theirs with
   * `labels` for `images` and 1 for 3 dimensions, as MNIST's are, if it is there.
   */
  readonly labels?: string
  /** Whether images may be mirrored left to right. Default false: most IDX files hold characters. */
  readonly mirror?: boolean
}

export const IDX_FIELDS = { labels: TEXT, mirror: SWITCH }
const SCHEMA = optionsSchema<IdxOptions>(IDX_FIELDS)

interface IdxFile {
  /** The sizes in the header, the number of items first. */
  readonly dims: readonly number[]
  readonly values: Uint8Array | Float32Array
}

const UINT8 = 0x08
const FLOAT32 = 0x0d

/** The third byte of the magic number names the type; `bytes` is given for the two that are read. */
const DTYPES: ReadonlyMap<number, { readonly name: string; readonly bytes?: number }> = new Map([
  [UINT8, { name: 'uint8', bytes: 1 }],
  [0x09, { name: 'int8' }],
  [0x0b, { name: 'int16' }],
  [0x0c, { name: 'int32' }],
  [FLOAT32, { name: 'float32', bytes: 4 }],
  [0x0e, { name: 'float64' }],
])

/**
 * A data set in the IDX format (that of MNIST), plain or gzipped.
 *
 * The header gives the dimensions: `[count, d]` is points of shape `[d]`, `[count, h, w]` is grey images
 * `[1, h, w]`, `[count, c, h, w]` is planar images `[c, h, w]`. uint8 values are pixels 0 to 255; float32 values
 * are taken as they are. The file is read in pieces, so it may be of any size that memory holds.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where a file is missing, truncated, too long, of another type or shape, or the
 *   labels are more or fewer than the items
 */
export async function idx(path: string, options: IdxOptions = {}): Promise<Dataset> {
  const { labels: given, mirror = false } = parseOptions('idx', SCHEMA, options)
  expectPath('path', path)
  if (given !== undefined) expectPath('labels', given)
  const labels = given ?? (await labelsBeside(path))

  const { dims, values } = await readIdx(path)
  const shape = itemShape(path, dims)
  const count = dims[0]!
  const { read, note } =
    given === undefined ? await labelsFound(labels, count) : { read: await readLabels(given, count) }
  return {
    name: basename(path).replace(/\.gz$/, ''),
    shape,
    count,
    values,
    mirror: mirror && shape.length === 3,
    ...(read && { labels: read }),
    ...(note !== undefined && { notes: [note] }),
  }
}

/** Whether the bytes begin with a magic number of the format. */
export function isIdx(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 && DTYPES.has(bytes[2]!) && bytes[3]! > 0
}

async function readIdx(file: string): Promise<IdxFile> {
  await using bytes = await ByteStream.open(file)
  const magic = await bytes.take(4)
  const dtype = readDtype(file, magic)
  const dims = await readDims(file, magic[3]!, bytes)
  const count = product(dims)
  const wanted = count * dtype.bytes
  const sizes = `${wanted} bytes of values (${dims.join(' x ')} ${dtype.name})`
  if (wanted > bytes.atMost) throw dataError(file, sizes, `${await bytes.skipAll()}`)
  const room = allocateBytes(wanted, file)
  const values = dtype.bytes === 4 ? new Float32Array(room.buffer) : room
  const format = {
    kind: dtype.bytes === 4 ? 'f' : 'u',
    bytes: dtype.bytes,
    bigEndian: dtype.bytes > 1,
  } as const
  const read = await readNumbers(bytes, format, [{ size: count, stride: 1 }], values)
  const received = read + (await bytes.skipAll())
  if (received !== wanted) throw dataError(file, sizes, `${received}`)
  return { dims, values }
}

function readDtype(file: string, magic: Buffer): { name: string; bytes: number } {
  if (!isIdx(magic)) {
    const start = magic.length === 0 ? 'an empty file' : magic.toString('hex')
    throw dataError(file, 'an IDX file (magic number 0000, type, dimensions)', start)
  }
  const { name, bytes: size } = DTYPES.get(magic[2]!)!
  if (size === undefined) throw dataError(file, 'values of type uint8 or float32', name)
  return { name, bytes: size }
}

async function readDims(file: string, rank: number, bytes: ByteStream): Promise<number[]> {
  const sizes = await bytes.take(4 * rank)
  if (sizes.length < 4 * rank) {
    throw dataError(
      file,
      `a header of ${4 + 4 * rank} bytes (${rank} dimensions)`,
      `${4 + sizes.length} bytes`,
    )
  }
  const dims = Array.from({ length: rank }, (_, axis) => sizes.readUInt32BE(4 * axis))
  if (dims.includes(0)) throw dataError(file, 'dimensions of at least 1', dims.join(' x '))
  return dims
}

function itemShape(file: string, dims: readonly number[]): number[] {
  switch (dims.length) {
    case 2:
    case 4:
      return dims.slice(1)
    case 3:
      return [1, ...dims.slice(1)]
    case 1:
      throw dataError(file, 'points or images (2 to 4 dimensions)', '1 dimension, as labels have')
    default:
      throw dataError(file, 'points or images (2 to 4 dimensions)', `${dims.length} dimensions`)
  }
}

/** Those of a file that nobody named: one that does not fit is passed over, with a note. */
async function labelsFound(
  file: string | undefined,
  count: number,
): Promise<{ read?: Uint8Array; note?: string }> {
  if (file === undefined) return {}
  try {
    return { read: await readLabels(file, count) }
  } catch (error) {
    if (!(error instanceof PfgmError)) throw error
    return { note: `labels beside the images were passed over: ${error.message}` }
  }
}

/** `t10k-labels-idx1-ubyte` beside `t10k-images-idx3-ubyte`. */
async function labelsBeside(path: string): Promise<string | undefined> {
  const name = basename(path)
  const wanted = name.replace('images', 'labels').replace('idx3', 'idx1')
  if (wanted === name) return undefined
  const file = join(dirname(path), wanted)
  return (await lookAt(file))?.isFile() ? file : undefined
}

async function readLabels(file: string, count: number): Promise<Uint8Array> {
  const { dims, values } = await readIdx(file)
  if (!(values instanceof Uint8Array)) throw dataError(file, 'labels of type uint8', 'float32')
  if (dims.length !== 1 || dims[0] !== count) {
    throw dataError(file, `${count} labels, one an item`, `${dims.join(' x ')}`)
  }
  return values
}
