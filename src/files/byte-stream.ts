import { open } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { dataError, fileError, isGzip, reason } from './read.js'

/** Deflate makes at most so many bytes of one. */
const MOST_INFLATION = 1032
const CHUNK_BYTES = 2 ** 20

/** Bytes that come piece by piece, so that files may be of any size, in the amounts that a reader asks for. */
export class ByteStream implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Buffer>
  /** What came and was not taken yet. */
  #rest: Buffer = Buffer.alloc(0)

  /**
   * @param stream of buffers
   * @param atMost bytes that can come of it
   * @param explain makes a typed error of a failure on the way
   */
  constructor(
    private readonly stream: Readable,
    readonly atMost: number,
    private readonly explain: (cause: unknown) => Error,
  ) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /**
   * The bytes of a file, unpacked where it is gzipped.
   * @param expected what messages call what should be there
   * @throws PfgmError `ERR_PFGM_DATA` where there is none, `ERR_PFGM_IO` where it cannot be read
   */
  static async open(path: string, expected = 'a file'): Promise<ByteStream> {
    const explain = (cause: unknown): Error => fileError(path, expected, cause)
    const file = await open(path).catch((cause) => {
      throw explain(cause)
    })
    try {
      const { size } = await file.stat()
      const head = Buffer.alloc(2)
      await file.read(head, 0, 2, 0)
      const stream = file.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES })
      if (!isGzip(head)) return new ByteStream(stream, size, explain)
      const unpacked = pipeline(stream, createGunzip({ chunkSize: CHUNK_BYTES }), () => {})
      return new ByteStream(unpacked, size * MOST_INFLATION, (cause) =>
        dataError(path, 'a complete gzip file', `${size} bytes (${reason(cause)})`, { cause }),
      )
    } catch (cause) {
      await file.close()
      throw explain(cause)
    }
  }

  /** Fills an array with what comes next; returns how many bytes came, fewer only at the end. */
  async fill(into: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < into.length && (await this.#more())) {
      const some = this.#rest.subarray(0, into.length - filled)
      into.set(some, filled)
      filled += some.length
      this.#rest = this.#rest.subarray(some.length)
    }
    return filled
  }

  /** The next bytes, fewer only at the end. */
  async take(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, await this.fill(bytes))
  }

  /** Lets the next bytes pass; returns how many there were, fewer only at the end. */
  async skip(length: number): Promise<number> {
    let skipped = 0
    while (skipped < length && (await this.#more())) {
      const some = Math.min(this.#rest.length, length - skipped)
      skipped += some
      this.#rest = this.#rest.subarray(some)
    }
    return skipped
  }

  /** Lets all pass that is still to come; returns how many bytes that was. */
  skipAll(): Promise<number> {
    return this.skip(Number.POSITIVE_INFINITY)
  }

  /** Has bytes at hand, if any are to come. */
  async #more(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next().catch((cause: unknown) => {
        throw this.explain(cause)
      })
      if (next.done) return false
      this.#rest = next.value
    }
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.destroy()
    if (!this.stream.closed) await new Promise((resolve) => this.stream.once('close', resolve))
  }
}
