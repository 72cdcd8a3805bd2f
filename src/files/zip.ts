import { close, fstat, open, read } from 'node:fs'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'

/** Whether the bytes begin like a zip archive. */
export function isZip(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from('PK\x03\x04', 'latin1'))
}

/**
 * Opens a zip archive, of whose entries none has been read yet.
 * @throws the system's error, or the reader's where it is no whole archive
 */
export async function openZip(path: string): Promise<ZipFile> {
  const file = await promisify(open)(path, 'r')
  try {
    const { size } = await promisify(fstat)(file)
    const options = { lazyEntries: true, autoClose: false }
    return await fromRandomAccessReaderPromise(new BoundedReader(file, size), size, options)
  } catch (error) {
    close(file)
    throw error
  }
}

/** The bytes of an entry, checked. @throws the system's error, or one where the entry is damaged or has more than `most` */
export async function readEntry(zip: ZipFile, entry: Entry, most: number): Promise<Buffer> {
  const { uncompressedSize } = entry
  if (uncompressedSize > most) throw new Error(`it has ${uncompressedSize} bytes, at most ${most} are read`)
  const chunks: Buffer[] = []
  for await (const chunk of withChecksum(await zip.openReadStreamPromise(entry), entry.crc32))
    chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** What the archive's reader does not compare. */
export async function* withChecksum(chunks: AsyncIterable<Buffer>, expected: number): AsyncGenerator<Buffer> {
  let sum = 0
  for await (const chunk of chunks) {
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== expected) throw new Error('its checksum is another')
}

const CHUNK = 1 << 18

/** Reads a file. Where an archive leads out of it, reading would throw past whoever waits for it, and end the process. */
class BoundedReader extends RandomAccessReader {
  readonly #file: number
  readonly #size: number

  constructor(file: number, size: number) {
    super()
    this.#file = file
    this.#size = size
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (this.#has(position, position + length)) read(this.#file, buffer, offset, length, position, callback)
    else process.nextTick(callback, leadsOut())
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#chunks(start, end))
  }

  async *#chunks(start: number, end: number): AsyncGenerator<Buffer> {
    if (!this.#has(start, end)) throw leadsOut()
    for (let at = start; at < end; at += CHUNK) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, end - at))
      const { bytesRead } = await promisify(read)(this.#file, chunk, 0, chunk.length, at)
      if (bytesRead < chunk.length) throw new Error('it became shorter')
      yield chunk
    }
  }

  override close(callback: (error: Error | null) => void): void {
    close(this.#file, (error) => callback(error ?? null))
  }

  #has(start: number, end: number): boolean {
    return start >= 0 && end >= start && end <= this.#size
  }
}

const leadsOut = () => new Error('it leads out of the file')
