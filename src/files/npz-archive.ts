import { Readable } from 'node:stream'
import type { Entry, ZipFile } from 'yauzl'
import type { PfgmError } from '../errors.js'
import { ByteStream } from './byte-stream.js'
import { dataError, fileError, reason } from './read.js'
import { openZip, withChecksum } from './zip.js'

/** An archive of NumPy files (`numpy.savez`), whose arrays are read one at a time. */
export class NpzArchive implements Disposable {
  readonly #path: string
  readonly #zip: ZipFile
  readonly #arrays: ReadonlyMap<string, Entry>

  private constructor(path: string, zip: ZipFile, arrays: ReadonlyMap<string, Entry>) {
    this.#path = path
    this.#zip = zip
    this.#arrays = arrays
  }

  /** @throws PfgmError `ERR_PFGM_DATA` where the file is no such archive, or an empty one */
  static async open(path: string): Promise<NpzArchive> {
    const zip = await openArchive(path)
    try {
      return new NpzArchive(path, zip, await listArrays(path, zip))
    } catch (error) {
      zip.close()
      throw error
    }
  }

  get names(): string[] {
    return [...this.#arrays.keys()]
  }

  /** The bytes of an array's NumPy file, checked at their end. @param name one of `names` */
  array(name: string): Promise<ByteStream> {
    return openEntry(this.#path, this.#zip, this.#arrays.get(name)!)
  }

  [Symbol.dispose](): void {
    this.#zip.close()
  }
}

async function openArchive(path: string): Promise<ZipFile> {
  try {
    return await openZip(path)
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

async function openEntry(path: string, zip: ZipFile, entry: Entry): Promise<ByteStream> {
  try {
    const stream = Readable.from(withChecksum(await zip.openReadStreamPromise(entry), entry.crc32))
    return new ByteStream(stream, entry.uncompressedSize, (cause) => zipError(path, cause))
  } catch (cause) {
    throw zipError(path, cause)
  }
}

function zipError(path: string, cause: unknown): PfgmError {
  const isSystems = cause instanceof Error && 'syscall' in cause
  return isSystems
    ? fileError(path, 'an archive of NumPy files', cause)
    : dataError(path, 'a whole archive of NumPy files', `something else (${reason(cause)})`, { cause })
}
