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
  /** Gives state to an object. Default: it is passed over. */
  readonly build?: (value: unknown, state: unknown) => void
}

/** A maker that the pickle has named, which is not a value yet. */
class Named {
  readonly make: Maker
  constructor(make: Maker) {
    this.make = make
  }
}

const MARK = Symbol('mark')

/** In bytes or digits. */
const LONGEST_NUMBER = 256

/** Protocols of Python 3 up to 3.14. */
const NEWEST = 5

/**
 * Reads a pickle (Python's own format) as data: nothing in it is run. Dictionaries are maps, lists and tuples arrays, sets
 * sets, None null, integers beyond 2^53 bigints, bytes buffers; state that is given to an object goes to `build`.
 *
 * @param start where in the bytes it begins
 * @returns the value, and where the pickle ends
 * @throws PfgmError `ERR_PFGM_DATA` where it is damaged, or names something that is not among the makers
 */
export function readPickle(
  bytes: Buffer,
  start: number,
  { path, makers, persistent, build }: PickleOptions,
): { value: unknown; end: number } {
  let at = start
  const stack: unknown[] = []
  const memo = new Map<number, unknown>()

  const refuse = (what: string, where = at): never => {
    throw dataError(path, 'a pickle of numbers, text and tensors', `${what} at byte ${where}`)
  }
  const take = (count: number): Buffer => {
    if (count > bytes.length - at) refuse(`an end after ${bytes.length} bytes, where ${count} more belong`)
    at += count
    return bytes.subarray(at - count, at)
  }
  const byte = (): number => take(1)[0]!
  const uint32 = (): number => take(4).readUInt32LE()
  const uint64 = (): number => Number(take(8).readBigUInt64LE())
  const line = (): string => {
    const end = bytes.indexOf(10, at)
    if (end < 0) refuse('a line without an end')
    const text = bytes.toString('utf8', at, end)
    at = end + 1
    return text
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
    return make ? new Named(make) : refuse(`${name.replace(' ', '.')}, which is no tensor and is not run,`)
  }
  const made = (maker: unknown, given: unknown): unknown => {
    if (!(maker instanceof Named) || !Array.isArray(given)) return refuse('a call of what is no name')
    try {
      return maker.make(...given)
    } catch (error) {
      return refuse(`${reason(error)}, which is no tensor,`)
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
  const long = (digits: Buffer): number | bigint => {
    if (digits.length > LONGEST_NUMBER) refuse(`a number of ${digits.length} bytes`)
    let value = 0n
    for (let i = digits.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!)
    if (digits.length > 0 && digits.at(-1)! >= 128) value -= 1n << BigInt(8 * digits.length)
    return fitting(value)
  }

  for (;;) {
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
      case 'b': {
        const state = pop()
        build?.(top(), state)
        break
      }
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
        const text = line()
        stack.push(text === '00' ? false : text === '01' ? true : Number(text))
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
        const text = line().replace(/L$/, '')
        if (text.length > LONGEST_NUMBER || !/^-?\d+$/.test(text)) refuse('a number that is none', where)
        stack.push(fitting(BigInt(text)))
        break
      }
      case '\x8a':
        stack.push(long(take(byte())))
        break
      case '\x8b':
        stack.push(long(take(uint32())))
        break
      case 'F':
        stack.push(Number(line()))
        break
      case 'G':
        stack.push(take(8).readDoubleBE())
        break
      case 'X':
        stack.push(take(uint32()).toString('utf8'))
        break
      case '\x8c':
        stack.push(take(byte()).toString('utf8'))
        break
      case '\x8d':
        stack.push(take(uint64()).toString('utf8'))
        break
      case 'U': // text of Python 2
        stack.push(take(byte()).toString('latin1'))
        break
      case 'T':
        stack.push(take(uint32()).toString('latin1'))
        break
      case 'C':
        stack.push(take(byte()))
        break
      case 'B':
        stack.push(take(uint32()))
        break
      case '\x8e':
      case '\x96':
        stack.push(take(uint64()))
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
        stack.push(named(`${String(pop())} ${String(name)}`))
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
        if (!persistent) refuse('a persistent id', where)
        stack.push(persistent!(pop()))
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
