import { readSync } from 'node:fs'

/** A stretch of a file that is too long to be kept: where it begins, in bytes of the file, and how long it is. */
export class Stretch {
  readonly begin: number
  readonly length: number
  constructor(begin: number, length: number) {
    this.begin = begin
    this.length = length
  }
}

/** As many bytes and more are left where they are. */
const LONG = 128
const WINDOW = 1 << 14

/** Bytes in memory, or a part of an open file that is read piece by piece where it is asked for, so that it may be of any size. */
export class ByteSource {
  readonly #descriptor: number | undefined
  /** Where the part ends in the file. */
  readonly end: number
  #window: Buffer
  #at = 0

  /** @param end at most the file's size */
  constructor(file: number | Buffer, end = typeof file === 'number' ? 0 : file.length) {
    this.#descriptor = typeof file === 'number' ? file : undefined
    this.#window = typeof file === 'number' ? Buffer.alloc(0) : file
    this.end = end
  }

  /**
   * Bytes at a place of the file, which stay as they are.
   * @throws Error where they are not there
   */
  read(begin: number, length: number): Buffer {
    if (begin < this.#at || begin + length > this.#at + this.#window.length) this.#fill(begin, length)
    return this.#window.subarray(begin - this.#at, begin - this.#at + length)
  }

  /** Bytes to be kept: long ones as where they lie. */
  bytes(begin: number, length: number): Buffer | Stretch {
    return length >= LONG ? new Stretch(begin, length) : Buffer.from(this.read(begin, length))
  }

  /** The place of the end of a line that begins at a place; -1 where it has none within 16 kB. */
  lineEnd(begin: number): number {
    const found = this.read(begin, Math.min(WINDOW, this.end - begin)).indexOf(10)
    return found < 0 ? -1 : begin + found
  }

  #fill(begin: number, length: number): void {
    if (this.#descriptor === undefined || begin + length > this.end)
      throw new Error(`it ends before byte ${begin + length}`)
    const window = Buffer.alloc(Math.min(Math.max(length, WINDOW), this.end - begin))
    const read = readSync(this.#descriptor, window, 0, window.length, begin)
    if (read < window.length) throw new Error(`it ends before byte ${begin + length}`)
    this.#window = window
    this.#at = begin
  }
}
