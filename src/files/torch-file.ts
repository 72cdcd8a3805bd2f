import { type FileHandle, open } from 'node:fs/promises'
import type { Entry, ZipFile } from 'yauzl'
import { product } from '../check.js'
import { PfgmError } from '../errors.js'
import { type Maker, readPickle } from './pickle.js'
import { dataError, fileError, reason } from './read.js'
import { DTYPE_BYTES, type TensorEntry, type TensorFile } from './tensor-file.js'
import { openZip } from './zip.js'

/** What `torch.save` wrote, of both of its layouts: the tensors as entries of the file. */
export interface TorchFile extends TensorFile {
  /** What was saved: maps, arrays, numbers, text and `StoredTensor`s. */
  readonly value: unknown
}

/** Where the values of tensors lie. */
interface Storage {
  readonly dtype: string
  readonly key: string
  readonly count: number
}

export class StoredTensor {
  readonly storage: Storage
  /** Values from the begin of the storage. */
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage
    this.offset = offset
    this.shape = shape
    this.strides = strides
  }
}

const DTYPES: Readonly<Record<string, string>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  ByteStorage: 'U8',
  LongStorage: 'I64',
  IntStorage: 'I32',
}

const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['collections OrderedDict', () => new Map()],
  ['torch._utils _rebuild_tensor_v2', rebuilt],
  ['torch._utils _rebuild_parameter', (tensor) => tensor],
  ...Object.entries(DTYPES).map(([name, dtype]): [string, Maker] => [`torch ${name}`, () => dtype]),
])

/** The longest pickle: of names and shapes, never of values. */
const LONGEST_PICKLE = 2 ** 28

/** Of the layout before the zip archive. */
const MAGIC = '0x1950a86a20f9469cfc6c'

/**
 * Reads what `torch.save` wrote, as data: a zip archive or the layout of torch before 1.6.
 * @throws PfgmError `ERR_PFGM_DATA` where it is something else, damaged, or names what is no tensor
 */
export async function readTorchFile(path: string): Promise<TorchFile> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    throw fileError(path, 'a file of torch.save', cause)
  }
  try {
    const begin = Buffer.alloc(4)
    await file.read(begin, 0, 4, 0)
    const isArchive = begin.toString('latin1') === 'PK\x03\x04'
    if (!isArchive && begin[0] !== 0x80) throw damaged(path, 'something else')
    const { value, begins } = isArchive ? await readArchive(path) : await readLegacy(path, file)
    const { size } = await file.stat()
    const entries = new Map<string, TensorEntry>()
    for (const [name, tensor] of tensorsIn(value))
      entries.set(name, entryOf(path, name, tensor, begins, size))
    return { path, value, entries, dataOffset: 0 }
  } finally {
    await file.close()
  }
}

interface Read {
  value: unknown
  /** Where storages begin in the file, by their keys. */
  begins: ReadonlyMap<string, number>
}

async function readArchive(path: string): Promise<Read> {
  let zip: ZipFile
  try {
    zip = await openZip(path)
  } catch (cause) {
    throw damaged(path, reason(cause), cause)
  }
  try {
    let pickle: Entry | undefined
    const begins = new Map<string, number>()
    for await (const entry of zip.eachEntry()) {
      const [, name, key] = /^[^/]*\/(data\.pkl|data\/(\d+))$/.exec(entry.fileName) ?? []
      if (name === 'data.pkl') pickle = entry
      if (key === undefined) continue
      if (entry.compressionMethod !== 0) throw damaged(path, `${entry.fileName}, which is compressed`)
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
      begins.set(key, fileDataStart)
    }
    if (!pickle) throw damaged(path, 'a zip archive without data.pkl')
    if (pickle.uncompressedSize > LONGEST_PICKLE) throw damaged(path, 'a pickle of more than 256 MB')
    const chunks: Buffer[] = []
    for await (const chunk of await zip.openReadStreamPromise(pickle)) chunks.push(chunk as Buffer)
    return { value: pickled(path, Buffer.concat(chunks), 0).value, begins }
  } catch (cause) {
    throw cause instanceof PfgmError ? cause : damaged(path, reason(cause), cause)
  } finally {
    zip.close()
  }
}

/** Three pickles of what wrote it, one of the values, one of the storages' keys, and then these, each after its length. */
async function readLegacy(path: string, file: FileHandle): Promise<Read> {
  const { size } = await file.stat()
  const bytes = Buffer.alloc(Math.min(size, LONGEST_PICKLE))
  await file.read(bytes, 0, bytes.length, 0)
  let at = 0
  const next = (): unknown => {
    const { value, end } = pickled(path, bytes, at)
    at = end
    return value
  }
  const magic = next()
  if (magic !== BigInt(MAGIC)) throw damaged(path, 'another pickle')
  next() // the version of the layout
  const system = next()
  if (system instanceof Map && system.get('little_endian') === false)
    throw damaged(path, 'big-endian numbers')
  const value = next()
  const keys = next()
  if (!Array.isArray(keys)) throw damaged(path, 'no list of storages')
  const widths = new Map<string, number>()
  for (const [, { storage }] of tensorsIn(value)) widths.set(storage.key, DTYPE_BYTES[storage.dtype]!)
  const begins = new Map<string, number>()
  for (const key of keys.map(String)) {
    const length = Buffer.alloc(8)
    const { bytesRead } = await file.read(length, 0, 8, at)
    if (bytesRead < 8) throw damaged(path, `an end before storage ${key}`)
    begins.set(key, at + 8)
    const width = widths.get(key)
    if (width === undefined) throw damaged(path, `storage ${key}, which no tensor is of`)
    at += 8 + Number(length.readBigUInt64LE()) * width
    if (at > size) throw damaged(path, `an end within storage ${key}`)
  }
  return { value, begins }
}

function pickled(path: string, bytes: Buffer, start: number): { value: unknown; end: number } {
  const persistent = (id: unknown): Storage => {
    const [kind, dtype, key, , count] = Array.isArray(id) ? id : []
    const name =
      typeof dtype === 'object' && dtype !== null && 'make' in dtype ? (dtype.make as Maker)() : dtype
    if (kind !== 'storage' || typeof name !== 'string' || typeof count !== 'number') {
      throw damaged(path, 'a reference to what is no storage')
    }
    return { dtype: name, key: String(key), count }
  }
  return readPickle(bytes, start, { path, makers: MAKERS, persistent })
}

function rebuilt(storage: unknown, offset: unknown, shape: unknown, strides: unknown): unknown {
  const isStorage = typeof storage === 'object' && storage !== null && 'key' in storage
  if (!isStorage || !Array.isArray(shape) || !Array.isArray(strides))
    throw new Error('a tensor without values')
  return new StoredTensor(storage as Storage, offset as number, shape as number[], strides as number[])
}

/** All tensors of nested maps and arrays, called by the keys on the way to them: `model.conv.weight`. */
function* tensorsIn(
  value: unknown,
  name = '',
  seen = new Set<unknown>(),
): Generator<[name: string, tensor: StoredTensor]> {
  if (value instanceof StoredTensor) yield [name, value]
  if (!(value instanceof Map || Array.isArray(value)) || seen.has(value)) return
  // What holds itself would have no end.
  seen.add(value)
  for (const [key, inner] of value.entries()) {
    yield* tensorsIn(inner, name ? `${name}.${String(key)}` : String(key), seen)
  }
}

function entryOf(
  path: string,
  name: string,
  { storage, offset, shape, strides }: StoredTensor,
  begins: ReadonlyMap<string, number>,
  size: number,
): TensorEntry {
  const start = begins.get(storage.key)
  const wide = DTYPE_BYTES[storage.dtype]
  if (start === undefined || wide === undefined) throw damaged(path, `no values of ${name}`)
  const counts = [offset, ...shape, ...strides]
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw damaged(path, `${name} of a size that is none`)
  }
  let dense = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! > 1 && strides[axis] !== dense) {
      throw dataError(
        path,
        `tensors whose values lie in their order`,
        `${name}, a view: save its .contiguous()`,
      )
    }
    dense *= shape[axis]!
  }
  const count = product(shape)
  const begin = start + offset * wide
  const end = begin + count * wide
  if (offset + count > storage.count || end > size)
    throw damaged(path, `${name}, which ends beyond its storage`)
  return { name, dtype: storage.dtype, shape, begin, end }
}

function damaged(path: string, received: string, cause?: unknown): PfgmError {
  return dataError(path, 'a whole file of torch.save', received, { cause })
}
