import { ByteStream } from './byte-stream.js'
import { climbsOut, titleOf } from './entry-names.js'
import { dataError } from './read.js'

/** A file in a tar archive. */
export interface TarEntry {
  /** With slashes, without `./` before it. */
  readonly name: string
  /** In bytes. */
  readonly size: number
  /** Where its header is, in bytes, of the unpacked archive where that is gzipped. */
  readonly offset: number
  /** The archive and the entry, for messages. */
  readonly title: string
  /**
   * Its bytes, once, before the next entry is asked for.
   * @throws PfgmError `ERR_PFGM_DATA` where there are more than `most`, or the archive ends within them
   */
  read(most: number): Promise<Buffer>
}

const BLOCK = 512
/** Names that are too long for a header, and what POSIX keeps beside them. */
const LONGEST_EXTENSION = 2 ** 20

/** Whether the bytes begin like a tar archive; those of before POSIX do not tell. */
export function isTar(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(257, 262)).toString('latin1') === 'ustar'
}

/**
 * The files of a tar archive, plain or gzipped, in their order: of POSIX, of GNU, and of before both. Folders, links and
 * devices are passed over. Nothing is unpacked.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where it is no whole archive, or the name of an entry leads out of it
 */
export async function* tarEntries(path: string): AsyncGenerator<TarEntry> {
  await using bytes = await ByteStream.open(path, 'a tar archive')
  const walk = new Walk(path, bytes)
  for (;;) {
    const entry = await walk.next()
    if (entry === undefined) return
    yield entry
    await walk.leave()
  }
}

/** What a header says. */
interface Header {
  readonly name: string
  readonly size: number
  readonly type: string
}

class Walk {
  #at = 0
  /** Bytes of the current entry, and of what fills its last block, that were not read. */
  #left = 0
  #filling = 0

  constructor(
    private readonly path: string,
    private readonly bytes: ByteStream,
  ) {}

  /** The next file; undefined at the end. */
  async next(): Promise<TarEntry | undefined> {
    let longName: string | undefined
    let extended: ReadonlyMap<string, string> = new Map()
    for (;;) {
      const offset = this.#at
      const block = await this.#take(BLOCK, 'a header or an end of 512 zeros')
      if (block.every((byte) => byte === 0)) return undefined
      const header = this.#header(block, offset, extended.get('size'))
      const name = extended.get('path') ?? longName ?? header.name
      const title = titleOf(this.path, name, offset)
      this.#enter(header.size, title)
      switch (header.type) {
        case 'L':
          longName = cString(await this.#extension(title))
          break
        case 'x':
          extended = records(await this.#extension(title), title)
          break
        case '0':
        case '\0':
        case '7':
          if (!name.endsWith('/')) return this.#entry(name, title, header.size, offset)
          await this.leave()
          break
        default: // a folder, a link, a device, or what concerns those
          await this.leave()
      }
      if (header.type !== 'L' && header.type !== 'x') {
        longName = undefined
        extended = new Map()
      }
    }
  }

  /** Goes past what was not read of the current entry. */
  async leave(): Promise<void> {
    const wanted = this.#left + this.#filling
    const skipped = await this.bytes.skip(wanted)
    this.#at += skipped
    if (skipped < wanted) throw this.#cutShort(`${wanted} more bytes`)
    this.#left = 0
    this.#filling = 0
  }

  #entry(name: string, title: string, size: number, offset: number): TarEntry {
    if (climbsOut(name)) throw dataError(title, 'a name within the archive', 'one that leads out of it')
    return {
      name: name.replaceAll(/\\/g, '/').replace(/^(?:\.\/+)+/, ''),
      size,
      offset,
      title,
      read: async (most) => {
        if (size > most) throw dataError(title, `at most ${most} bytes`, `${size}`)
        const read = await this.#take(size, `${size} bytes of ${title}`)
        this.#left = 0
        return read
      },
    }
  }

  #enter(size: number, title: string): void {
    if (this.#at + size > this.bytes.atMost) {
      throw dataError(title, 'an entry that ends within the file', `one of ${size} bytes`)
    }
    this.#left = size
    this.#filling = (BLOCK - (size % BLOCK)) % BLOCK
  }

  async #extension(title: string): Promise<Buffer> {
    const size = this.#left
    if (size > LONGEST_EXTENSION) throw dataError(title, 'a name of at most 1 MB', `one of ${size} bytes`)
    const read = await this.#take(size, 'a name')
    this.#left = 0
    await this.leave()
    return read
  }

  #header(block: Buffer, offset: number, size: string | undefined): Header {
    const where = `${this.path} (byte ${offset})`
    if (octal(block.subarray(148, 156)) !== BigInt(checksum(block))) {
      throw dataError(where, 'a header of a tar archive', 'one whose checksum is another')
    }
    const told = size === undefined ? number(block.subarray(124, 136)) : decimal(size)
    if (told === undefined || told < 0n || told > Number.MAX_SAFE_INTEGER) {
      throw dataError(
        where,
        'an entry of a possible size',
        told === undefined ? 'one without' : `one of ${told} bytes`,
      )
    }
    const prefix = isTar(block) && block[262] === 0 ? cString(block.subarray(345, 500)) : ''
    const name = cString(block.subarray(0, 100))
    return {
      name: prefix === '' ? name : `${prefix}/${name}`,
      size: Number(told),
      type: String.fromCharCode(block[156]!),
    }
  }

  async #take(length: number, what: string): Promise<Buffer> {
    const taken = await this.bytes.take(length)
    this.#at += taken.length
    if (taken.length < length) throw this.#cutShort(what)
    return taken
  }

  #cutShort(what: string): Error {
    return dataError(this.path, `a whole tar archive, ${what} at byte ${this.#at},`, 'its end')
  }
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/** Of all bytes, its own taken for spaces. */
function checksum(block: Buffer): number {
  let sum = 0
  for (const [i, byte] of block.entries()) sum += i >= 148 && i < 156 ? 32 : byte
  return sum
}

/** A number of a header: octal digits, or where they do not suffice a byte of 128 and the number itself. */
function number(field: Buffer): bigint | undefined {
  if (field[0]! < 0x80) return octal(field)
  const isNegative = (field[0]! & 0x40) !== 0
  const value = BigInt(`0x${field.toString('hex')}`) & ((1n << 95n) - 1n)
  return isNegative ? value - (1n << 95n) : value
}

function octal(field: Buffer): bigint | undefined {
  const digits = cString(field).trim()
  return /^[0-7]+$/.test(digits) ? BigInt(`0o${digits}`) : digits === '' ? 0n : undefined
}

function decimal(text: string): bigint | undefined {
  return /^\d{1,20}$/.test(text) ? BigInt(text) : undefined
}

/** POSIX's records, `27 path=of/the/next/entry\n`, each of which begins with its length. */
function records(bytes: Buffer, title: string): Map<string, string> {
  const found = new Map<string, string>()
  let at = 0
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at)
    const length = space < 0 ? Number.NaN : Number(bytes.toString('latin1', at, space))
    const end = at + length
    const text = Number.isInteger(length) ? bytes.toString('utf8', space + 1, end - 1) : ''
    const equals = text.indexOf('=')
    if (equals < 1 || end > bytes.length || end <= space || bytes[end - 1] !== 10) {
      throw dataError(title, 'records, each after its length', `something else at byte ${at} of them`)
    }
    found.set(text.slice(0, equals), text.slice(equals + 1))
    at = end
  }
  return found
}
