import { close, fstat, open, read } from 'node:fs'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'

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
