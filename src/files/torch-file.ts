import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Entry, ZipFile } from 'yauzl'
import { PfgmError } from '../errors.js'
import { ByteSource, Stretch } from './byte-source.js'
import { type Maker, readPickle } from './pickle.js'
import { fileError, reason } from './read.js'
import { damaged, entryOf, Storage, StoredTensor, tensorsIn } from './stored-tensor.js'
import { DTYPE_BYTES, type TensorEntry, type TensorFile } from './tensor-file.js'
import { TORCH_NAMES } from './torch-names.js'
import { openZip, readEntry } from './zip.js'

export { StoredTensor }

/** What a file of `torch.save` holds, or a pickle of objects with tensors. */
export interface TorchContent {
  readonly path: string
  /** Maps, arrays, numbers, text, `PickledObject`s and `StoredTensor`s. */
  readonly value: unknown
}

/** The tensors in it as entries of the file. */
export interface TorchFile extends TensorFile, TorchContent {}

/** Of the layout before the zip archive. */
const MAGIC = BigInt('0x1950a86a20f9469cfc6c')

/** The longest pickle in an archive: of names and shapes, never of values. */
const LONGEST_PICKLE = 2 ** 28
const MOST_ENTRIES = 2 ** 17
/** The word for the order of bytes. */
const LONGEST_ORDER = 64

/**
 * Reads what `torch.save` wrote, as data: a zip archive or the layout of torch before 1.6.
 * @throws PfgmError `ERR_PFGM_DATA` where it is something else, damaged, or names what is no tensor
 */
export async function readTorchFile(path: string): Promise<TorchFile> {
  const { value } = await readTorchContent(path)
  try {
    const entries = new Map<string, TensorEntry>()
    for (const [name, tensor] of tensorsIn(value)) entries.set(name, entryOf(path, name, tensor))
    return { path, value, entries, dataOffset: 0 }
  } catch (cause) {
    throw cause instanceof PfgmError ? cause : damaged(path, reason(cause), cause)
  }
}

/**
 * The same, or one pickle with its tensors inside, as EDM's snapshots are. Where a tensor's values lie is looked at when it
 * is asked for (`entryOf`).
 * @throws PfgmError `ERR_PFGM_DATA` likewise
 */
export async function readTorchContent(path: string): Promise<TorchContent> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch (cause) {
    throw fileError(path, 'a file of torch.save', cause)
  }
  try {
    const { size } = await file.stat()
    const begin = Buffer.alloc(4)
    await file.read(begin, 0, 4, 0)
    if (begin.toString('latin1') === 'PK\x03\x04') return { path, value: await readArchive(path, file, size) }
    if (begin[0] !== 0x80) throw damaged(path, 'something else')
    return { path, value: new PickleFile(path, file.fd, size).value() }
  } catch (cause) {
    if (cause instanceof PfgmError) throw cause
    const isSystems = cause instanceof Error && 'syscall' in cause
    if (isSystems) throw fileError(path, 'a file of torch.save', cause)
    throw damaged(path, `${(await file.stat()).size} bytes: ${reason(cause)}`, cause)
  } finally {
    await file.close()
  }
}

/**
 * Tensors of a file's content as entries of the file.
 * @throws PfgmError `ERR_PFGM_DATA` where a byte of theirs is not as it was written
 */
export async function tensorFileOf(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<TensorFile> {
  const entries = new Map([...tensors].map(([name, tensor]) => [name, entryOf(path, name, tensor)]))
  await expectWholeTensors(path, tensors)
  return { path, entries, dataOffset: 0 }
}

/**
 * Compares the checksums of an archive's storages.
 * @throws PfgmError `ERR_PFGM_DATA` naming a tensor whose bytes are not as they were written
 */
async function expectWholeTensors(
  path: string,
  tensors: Iterable<readonly [name: string, tensor: StoredTensor]>,
): Promise<void> {
  const seen = new Set<Storage>()
  for (const [name, { storage }] of tensors) {
    const { place } = storage
    if (place?.crc32 === undefined || seen.has(storage)) continue
    seen.add(storage)
    if ((await checksum(path, place)) !== place.crc32)
      throw damaged(
        path,
        `another checksum of data/${storage.key}, which ${name} is in: some of it was changed`,
      )
  }
}

async function checksum(path: string, { begin, end }: { begin: number; end: number }): Promise<number> {
  let sum = 0
  if (begin === end) return sum
  for await (const chunk of createReadStream(path, { start: begin, end: end - 1, highWaterMark: 1 << 20 }))
    sum = crc32(chunk, sum)
  return sum
}

type Places = ReadonlyMap<string, NonNullable<Storage['place']>>

async function readArchive(path: string, file: FileHandle, size: number): Promise<unknown> {
  let zip: ZipFile | undefined
  try {
    zip = await openZip(path)
    const { pickle, storages } = await placesIn(path, zip, size)
    if ((await checksum(path, pickle)) !== pickle.crc32)
      throw damaged(path, 'another checksum of data.pkl: some of it was changed')
    const reader = new PickleFile(path, file.fd, pickle.end)
    const { value } = reader.read(pickle.begin)
    for (const storage of reader.storages.values()) storage.place = storages.get(storage.key)
    return value
  } finally {
    zip?.close()
  }
}

/** Where an archive's pickle and storages lie. */
async function placesIn(
  path: string,
  zip: ZipFile,
  size: number,
): Promise<{ pickle: NonNullable<Storage['place']>; storages: Places }> {
  let pickle: NonNullable<Storage['place']> | undefined
  const storages = new Map<string, NonNullable<Storage['place']>>()
  for await (const entry of zip.eachEntry()) {
    const [, name, key] = /^[^/]*\/(data\.pkl|byteorder|data\/(\d+))$/.exec(entry.fileName) ?? []
    if (name === undefined) continue
    if (name === 'byteorder') {
      await expectLittleEndian(path, zip, entry)
      continue
    }
    const place = await placeOf(path, zip, entry, size)
    if (key === undefined) pickle = place
    else storages.set(key, place)
    if (storages.size > MOST_ENTRIES) throw damaged(path, `more than ${MOST_ENTRIES} storages`)
  }
  if (!pickle) throw damaged(path, 'a zip archive without data.pkl')
  if (pickle.end - pickle.begin > LONGEST_PICKLE) throw damaged(path, 'a pickle of more than 256 MB')
  return { pickle, storages }
}

/** Archives without a word of it are of versions of torch that knew no other order. */
async function expectLittleEndian(path: string, zip: ZipFile, entry: Entry): Promise<void> {
  const order = (await readEntry(zip, entry, LONGEST_ORDER)).toString().trim()
  if (order === 'little') return
  const received = `numbers in the byte order ${JSON.stringify(order)}`
  throw damaged(path, `${received}: save it on a little-endian machine`)
}

async function placeOf(path: string, zip: ZipFile, entry: Entry, size: number) {
  if (entry.compressionMethod !== 0) throw damaged(path, `${entry.fileName}, which is compressed`)
  const { fileDataStart: begin } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
  const end = begin + entry.uncompressedSize
  if (end > size) throw damaged(path, `an end within ${entry.fileName}`)
  return { begin, end, crc32: entry.crc32 }
}

/** The pickles of a file, and the storages that they refer to. */
class PickleFile {
  readonly #path: string
  readonly #descriptor: number
  readonly #source: ByteSource
  readonly #within = new Map<number, Storage>()
  /** By their keys. */
  readonly storages = new Map<string, Storage>()

  /** @param end of what belongs to the pickles, in bytes of the file */
  constructor(path: string, descriptor: number, end: number) {
    this.#path = path
    this.#descriptor = descriptor
    this.#source = new ByteSource(descriptor, end)
  }

  /** One pickle, or the layout that begins with one of a magic number. */
  value(): unknown {
    const first = this.read(0)
    return first.value === MAGIC ? this.#legacy(first.end) : first.value
  }

  /** The pickle that begins at a byte of the file. */
  read(begin: number): { value: unknown; end: number } {
    const names = new Map<string, Maker>(TORCH_NAMES)
    names.set('torch.storage _load_from_bytes', (bytes) => this.#storageWithin(bytes))
    return readPickle(this.#source, begin, {
      path: this.#path,
      makers: names,
      persistent: (id) => this.#storage(id),
    })
  }

  #storage(id: unknown): Storage {
    const [kind, dtype, key, , count] = Array.isArray(id) ? id : []
    const name =
      typeof dtype === 'object' && dtype !== null && 'make' in dtype ? (dtype.make as Maker)() : dtype
    const isNamed = typeof key === 'string' || typeof key === 'number'
    if (kind !== 'storage' || typeof name !== 'string' || !isNamed || typeof count !== 'number')
      throw new Error('a reference to what is no storage')
    const known = this.storages.get(String(key))
    if (known && (known.dtype !== name || known.count !== count))
      throw new Error(`two kinds of storage ${shortened(key)}`)
    const storage = known ?? new Storage(name, String(key), count)
    this.storages.set(storage.key, storage)
    return storage
  }

  /** Bytes of a pickle that are themselves such a file, of one storage. */
  #storageWithin(bytes: unknown): Storage {
    // A storage takes more bytes than are kept.
    if (!(bytes instanceof Stretch)) throw new Error('a storage without bytes')
    const known = this.#within.get(bytes.begin)
    if (known) return known
    const inner = new PickleFile(this.#path, this.#descriptor, bytes.begin + bytes.length)
    const value = inner.#afterMagic(bytes.begin)
    if (!(value instanceof Storage)) throw new Error('what is no storage')
    this.#within.set(bytes.begin, value)
    return value
  }

  #afterMagic(begin: number): unknown {
    const magic = this.#plain(begin)
    if (magic.value !== MAGIC) throw new Error('bytes of no storage')
    return this.#legacy(magic.end)
  }

  /** Two pickles more of what wrote it, one of the values, one of the storages' keys, and then these, each after its length. */
  #legacy(begin: number): unknown {
    const version = this.#plain(begin)
    const system = this.#plain(version.end)
    if (system.value instanceof Map && system.value.get('little_endian') === false)
      throw damaged(this.#path, 'big-endian numbers')
    const { value, end } = this.#plain(system.end)
    const keys = this.#plain(end)
    if (!Array.isArray(keys.value)) throw damaged(this.#path, 'no list of storages')
    this.#place(keys.value, keys.end)
    return value
  }

  #place(keys: readonly unknown[], begin: number): void {
    let at = begin
    for (const key of keys) {
      const storage =
        typeof key === 'string' || typeof key === 'number' ? this.storages.get(String(key)) : undefined
      const width = storage && DTYPE_BYTES.get(storage.dtype)
      if (width === undefined) throw damaged(this.#path, 'a storage which no tensor is of')
      if (at + 8 > this.#source.end)
        throw damaged(this.#path, `an end before storage ${shortened(storage!.key)}`)
      const count = Number(this.#source.read(at, 8).readBigInt64LE())
      const end = at + 8 + count * width
      if (count !== storage!.count || end > this.#source.end)
        throw damaged(
          this.#path,
          `an end within storage ${shortened(storage!.key)}, which begins at byte ${at + 8}`,
        )
      storage!.place = { begin: at + 8, end }
      at = end
    }
  }

  /** A pickle in which no other file lies. */
  #plain(begin: number): { value: unknown; end: number } {
    return readPickle(this.#source, begin, {
      path: this.#path,
      makers: TORCH_NAMES,
      persistent: (id) => this.#storage(id),
    })
  }
}

/** A key as a message shows it. */
function shortened(key: string | number): string {
  return String(key)
    .replaceAll(/[^\x21-\x7e]/g, '?')
    .slice(0, 40)
}
