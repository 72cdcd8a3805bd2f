import { PfgmError } from '../errors.js'
import type { ByteSource, Stretch } from './byte-source.js'
import type { FilePath } from './read.js'
import { dataError, reason } from './read.js'

/** What a global name of a pickle stands for: makes a value of what the pickle gives it. */
export type Maker = (...given: unknown[]) => unknown

export interface PickleOptions {
  /** The file, for messages. */
  readonly path: FilePath
  /** Names that may occur, as `module name`; others are refused, as a pickle can name any program. */
  readonly makers: ReadonlyMap<string, Maker>
  /** What a persistent id stands for. */
  readonly persistent?: (id: unknown) => unknown
}

/** A maker that the pickle has named, which is not a value yet. */
class Named {
  readonly make: Maker
  constructor(make: Maker) {
    this.make = make
  }
}

const MARK = Symbol('mark')

/**
 * An object of a class that is known by name alone: what it was made of and, as the pickle gives it afterwards, its state.
 */
export class PickledObject {
  readonly name: string
  readonly given: readonly unknown[]
  state: unknown
  constructor(name: string, given: readonly unknown[], state?: unknown) {
    this.name = name
    this.given = given
    this.state = state
  }
}

/** In bytes or digits. */
const LONGEST_NUMBER = 256

/** What a pickle may have of operations and of bytes of text: models have thousands, and a megabyte. */
const MOST_OPERATIONS = 2 ** 20
const MOST_TEXT = 2 ** 27

/** Protocols of Python 3 up to 3.14. */
const NEWEST = 5

/**
 * Reads a pickle (Python's own format) as data: nothing in it is run. Dictionaries are maps, lists and tuples arrays, sets
 * sets, None null, integers beyond 2^53 bigints, bytes buffers or, long ones, `Stretch`es; state that is given to what is
 * no `PickledObject` is passed over.
 *
 * @param start where in the file it begins
 * @returns the value, and where the pickle ends
 * @throws PfgmError `ERR_PFGM_DATA` where it is damaged, or names something that is not among the makers
 */
export function readPickle(
  source: ByteSource,
  start: number,
  { path, makers, persistent }: PickleOptions,
): { value: unknown; end: number } {
  let at = start
  let textLength = 0
  const stack: unknown[] = []
  const memo = new Map<number, unknown>()

  const refuse = (what: string, where = at): never => {
    throw dataError(path, 'a pickle of numbers, text and tensors', `${what} at byte ${where}`)
  }
  const skip = (count: number): number => {
    if (count > source.end - at) refuse(`an end after ${source.end} bytes, where ${count} more belong`)
    at += count
    return at - count
  }
  const take = (count: number): Buffer => source.read(skip(count), count)
  const text = (length: number, encoding: 'utf8' | 'latin1' = 'utf8'): string => {
    const begin = skip(length)
    textLength += length
    if (textLength > MOST_TEXT) refuse('more text than any model has')
    return source.read(begin, length).toString(encoding)
  }
  const bytes = (length: number): Buffer | Stretch => source.bytes(skip(length), length)
  const byte = (): number => take(1)[0]!
  const uint32 = (): number => take(4).readUInt32LE()
  const uint64 = (): number => Number(take(8).readBigUInt64LE())
  const line = (): string => {
    const end = source.lineEnd(at)
    if (end < 0) refuse('a line without an end')
    const whole = text(end - at)
    at = end + 1
    return whole
  }
  const pop = (): unknown => {
    if (stack.length === 0) refuse('a value that is missing')
    return stack.pop()
  }
  const top = (): unknown => stack.at(-1)
  const sinceMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK)
    if (mark < 0) refuse('a mark that is missing')
    return stack.splice(mark).slice(1)
  }
  const named = (name: string): Named => {
    const make = makers.get(name)
    return make ? new Named(make) : refuse(`${printable(name)}, which is no tensor and is not run,`)
  }
  const made = (maker: unknown, given: unknown): unknown => {
    if (!(maker instanceof Named) || !Array.isArray(given)) return refuse('a call of what is no name')
    try {
      return maker.make(...given)
    } catch (error) {
      return refuse(`${saidOf(error)}, which is no tensor,`)
    }
  }
  const referredTo = (id: unknown): unknown => {
    try {
      return persistent === undefined ? refuse('a persistent id') : persistent(id)
    } catch (error) {
      return refuse(saidOf(error))
    }
  }
  const remembered = (place: number): unknown =>
    memo.has(place) ? memo.get(place) : refuse(`memory ${place}, which nothing was put to,`)
  const append = (items: unknown[]): void => {
    const list = top()
    if (Array.isArray(list)) for (const item of items) list.push(item)
    else refuse('a list that is missing')
  }
  const set = (items: unknown[]): void => {
    const map = top()
    if (!(map instanceof Map)) refuse('a dictionary that is missing')
    else for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i], items[i + 1])
  }
  const long = (length: number): number | bigint => {
    if (length > LONGEST_NUMBER) refuse(`a number of ${length} bytes`)
    const digits = take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!)
    if (length > 0 && digits.at(-1)! >= 128) value -= 1n << BigInt(8 * length)
    return fitting(value)
  }

  const build = (state: unknown): void => {
    const object = top()
    if (object instanceof PickledObject) object.state = state
  }

  for (let operations = 0; ; operations++) {
    if (operations === MOST_OPERATIONS) refuse('more operations than any model has')
    const where = at
    const code = byte()
    switch (String.fromCharCode(code)) {
      case '.':
        return { value: pop(), end: at }
      case '\x80': {
        const protocol = byte()
        if (protocol > NEWEST) refuse(`protocol ${protocol}`, where)
        break
      }
      case '\x95': // a frame, whose length says nothing new
        take(8)
        break
      case '(':
        stack.push(MARK)
        break
      case '0':
        pop()
        break
      case 'b':
        build(pop())
        break
      case '1':
        sinceMark()
        break
      case '2':
        stack.push(top())
        break
      case 'N':
        stack.push(null)
        break
      case '\x88':
        stack.push(true)
        break
      case '\x89':
        stack.push(false)
        break
      case 'I': {
        const digits = line()
        stack.push(digits === '00' ? false : digits === '01' ? true : Number(digits))
        break
      }
      case 'J':
        stack.push(take(4).readInt32LE())
        break
      case 'K':
        stack.push(byte())
        break
      case 'M':
        stack.push(take(2).readUInt16LE())
        break
      case 'L': {
        const digits = line().replace(/L$/, '')
        if (digits.length > LONGEST_NUMBER || !/^-?\d+$/.test(digits)) refuse('a number that is none', where)
        stack.push(fitting(BigInt(digits)))
        break
      }
      case '\x8a':
        stack.push(long(byte()))
        break
      case '\x8b':
        stack.push(long(uint32()))
        break
      case 'F':
        stack.push(Number(line()))
        break
      case 'G':
        stack.push(take(8).readDoubleBE())
        break
      case 'X':
        stack.push(text(uint32()))
        break
      case '\x8c':
        stack.push(text(byte()))
        break
      case '\x8d':
        stack.push(text(uint64()))
        break
      case 'U': // text of Python 2
        stack.push(text(byte(), 'latin1'))
        break
      case 'T':
        stack.push(text(uint32(), 'latin1'))
        break
      case 'C':
        stack.push(bytes(byte()))
        break
      case 'B':
        stack.push(bytes(uint32()))
        break
      case '\x8e':
      case '\x96':
        stack.push(bytes(uint64()))
        break
      case 'a':
        append([pop()])
        break
      case 'e':
        append(sinceMark())
        break
      case 'l':
      case 't':
        stack.push(sinceMark())
        break
      case ']':
      case ')':
        stack.push([])
        break
      case '\x85':
      case '\x86':
      case '\x87': {
        const count = code - 0x84
        if (stack.length < count) refuse('a tuple whose items are missing', where)
        stack.push(stack.splice(-count))
        break
      }
      case '}':
        stack.push(new Map())
        break
      case 'd': {
        const items = sinceMark()
        stack.push(new Map())
        set(items)
        break
      }
      case 's': {
        const value = pop()
        set([pop(), value])
        break
      }
      case 'u':
        set(sinceMark())
        break
      case '\x8f':
        stack.push(new Set())
        break
      case '\x90': {
        const items = sinceMark()
        const to = top()
        if (!(to instanceof Set)) refuse('a set that is missing', where)
        for (const item of items) (to as Set<unknown>).add(item)
        break
      }
      case '\x91':
        stack.push(new Set(sinceMark()))
        break
      case 'c':
        stack.push(named(`${line()} ${line()}`))
        break
      case '\x93': {
        const name = pop()
        const module = pop()
        if (typeof name !== 'string' || typeof module !== 'string') refuse('a name that is no text', where)
        stack.push(named(`${module} ${name}`))
        break
      }
      case 'R':
      case '\x81': {
        const given = pop()
        stack.push(made(pop(), given))
        break
      }
      case 'p':
        memo.set(Number(line()), top())
        break
      case 'q':
        memo.set(byte(), top())
        break
      case 'r':
        memo.set(uint32(), top())
        break
      case '\x94':
        memo.set(memo.size, top())
        break
      case 'g':
        stack.push(remembered(Number(line())))
        break
      case 'h':
        stack.push(remembered(byte()))
        break
      case 'j':
        stack.push(remembered(uint32()))
        break
      case 'Q':
        stack.push(referredTo(pop()))
        break
      default:
        refuse(`the operation ${code}, which no such pickle has,`, where)
    }
  }
}

function fitting(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** @throws what has its place in the file already */
function saidOf(error: unknown): string {
  if (error instanceof PfgmError) throw error
  return reason(error)
}

/** A name as a message shows it. */
function printable(name: string): string {
  return name
    .replace(' ', '.')
    .replaceAll(/[^\x21-\x7e]/g, '?')
    .slice(0, 100)
}
