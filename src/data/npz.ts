import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { optionsSchema, parseOptions, TEXT } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import type { PfgmError } from '../errors.js'
import { ByteStream } from '../files/byte-stream.js'
import { dataError, fileError, reason } from '../files/read.js'
import { readNpyHead } from '../tensor/npy-header.js'
import { expectMirror } from './check.js'
import type { Dataset } from './dataset.js'
import { NPY_FIELDS, type NpyOptions } from './npy.js'
import { describeArray, readArray } from './npy-values.js'

export interface NpzOptions extends NpyOptions {
  /** Which of the arrays. Default: the only one, or the one called `images`, `x` or `arr_0`. */
  readonly array?: string
}

export const NPZ_FIELDS = { ...NPY_FIELDS, array: TEXT }
const SCHEMA = optionsSchema<NpzOptions>(NPZ_FIELDS)

const USUAL_NAMES = ['images', 'x', 'arr_0']

/** Whether the bytes begin like a zip archive. */
export function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from('PK\x03\x04', 'latin1'))
}

/**
 * A data set that is an array of an archive of NumPy files (`numpy.savez`, `numpy.savez_compressed`), read into memory.
 * The array is as for `npy`.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where the file is no such archive, has several arrays and none of the usual names, or
 *   the array is not one of images or points
 * @throws RangeError where it has no array of the name
 */
export async function npz(path: string, options: NpzOptions = {}): Promise<Dataset> {
  const { array: name, mirror = false } = parseOptions('npz', SCHEMA, options)
  expectPath('path', path)
  const zip = await openZip(path)
  try {
    const arrays = await listArrays(path, zip)
    const chosen = choose(path, [...arrays.keys()], name)
    await using bytes = await openEntry(path, zip, arrays.get(chosen)!)
    const title = `${path}, array ${chosen}`
    const array = describeArray(title, await readNpyHead(title, bytes))
    const { count, shape } = array.layout
    expectMirror(mirror, shape)
    const values = await readArray(title, array, bytes)
    await bytes.skipAll() // to its end, where lengths and checksums are compared
    const others = [...arrays.keys()].filter((other) => other !== chosen)
    const passedOver =
      others.length > 0 ? [`${path}: array ${chosen} was read, not ${others.join(', ')}`] : []
    const notes = [...(name === undefined ? passedOver : []), ...array.notes]
    return {
      name: basename(path).replace(/\.npz$/i, ''),
      shape,
      count,
      values,
      mirror,
      ...(notes.length > 0 && { notes }),
    }
  } finally {
    zip.close()
  }
}

async function openZip(path: string): Promise<ZipFile> {
  try {
    return await openPromise(path, { lazyEntries: true, autoClose: false })
  } catch (cause) {
    throw zipError(path, cause)
  }
}

async function listArrays(path: string, zip: ZipFile): Promise<Map<string, Entry>> {
  const arrays = new Map<string, Entry>()
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('.npy')) arrays.set(entry.fileName.slice(0, -'.npy'.length), entry)
    }
  } catch (cause) {
    throw zipError(path, cause)
  }
  if (arrays.size === 0) throw dataError(path, 'an archive of NumPy files', 'one without any')
  return arrays
}

function choose(path: string, names: readonly string[], wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted
    throw new RangeError(
      `Expected array to be one of ${names.join(', ')}, as ${path} has, but received ${wanted}`,
    )
  }
  if (names.length === 1) return names[0]!
  const usual = names.filter((name) => USUAL_NAMES.includes(name))
  if (usual.length === 1) return usual[0]!
  throw dataError(path, 'the name of one of its arrays (array, --array NAME)', `none, of ${names.join(', ')}`)
}

async function openEntry(path: string, zip: ZipFile, entry: Entry): Promise<ByteStream> {
  try {
    const stream = Readable.from(withChecksum(await zip.openReadStreamPromise(entry), entry.crc32))
    return new ByteStream(stream, entry.uncompressedSize, (cause) => zipError(path, cause))
  } catch (cause) {
    throw zipError(path, cause)
  }
}

/** What the archive's reader does not compare. */
async function* withChecksum(chunks: AsyncIterable<Buffer>, expected: number): AsyncGenerator<Buffer> {
  let sum = 0
  for await (const chunk of chunks) {
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== expected) throw new Error('its checksum is another')
}

function zipError(path: string, cause: unknown): PfgmError {
  const isSystems = cause instanceof Error && 'syscall' in cause
  return isSystems
    ? fileError(path, 'an archive of NumPy files', cause)
    : dataError(path, 'a whole archive of NumPy files', `something else (${reason(cause)})`, { cause })
}
