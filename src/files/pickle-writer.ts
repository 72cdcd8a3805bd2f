/** Writes pickles of protocol 2, which every Python 3 reads, without a memo: what occurs twice is written twice. */

/** A class or function of Python by its module and name. */
export class Global {
  readonly module: string
  readonly name: string

  constructor(module: string, name: string) {
    this.module = module
    this.name = name
  }
}

/** What a function of Python makes of arguments when the pickle is read. */
export class Call {
  readonly of: Global
  readonly given: readonly Picklable[]
  /** What is put into the dictionary that comes of it. */
  readonly items: ReadonlyMap<string, Picklable>

  constructor(of: Global, given: readonly Picklable[], items: ReadonlyMap<string, Picklable> = new Map()) {
    this.of = of
    this.given = given
    this.items = items
  }
}

/** Python's tuple; arrays are lists. */
export class Tuple {
  readonly items: readonly Picklable[]

  constructor(...items: readonly Picklable[]) {
    this.items = items
  }
}

/** What the reader knows by an id of its own, such as a storage of another file. */
export class Persistent {
  readonly id: Tuple

  constructor(id: Tuple) {
    this.id = id
  }
}

/** Maps are dictionaries, whole numbers integers, other numbers floats, null is None. */
export type Picklable =
  | null
  | boolean
  | number
  | string
  | readonly Picklable[]
  | ReadonlyMap<string | number, Picklable>
  | Global
  | Call
  | Tuple
  | Persistent

/** The bytes of a value. */
export function pickle(value: Picklable): Buffer {
  return Buffer.concat([Buffer.from('\x80\x02', 'latin1'), ...opcodes(value), code('.')])
}

const code = (text: string): Buffer => Buffer.from(text, 'latin1')

function* opcodes(value: Picklable): Generator<Buffer> {
  if (value === null) yield code('N')
  else if (typeof value === 'boolean') yield code(value ? '\x88' : '\x89')
  else if (typeof value === 'number') yield numberOf(value)
  else if (typeof value === 'string') yield textOf(value)
  else if (value instanceof Global) yield code(`c${value.module}\n${value.name}\n`)
  else if (value instanceof Tuple) {
    yield code('(')
    for (const item of value.items) yield* opcodes(item)
    yield code('t')
  } else if (value instanceof Persistent) {
    yield* opcodes(value.id)
    yield code('Q')
  } else if (value instanceof Call) {
    yield* opcodes(value.of)
    yield* opcodes(new Tuple(...value.given))
    yield code('R')
    if (value.items.size > 0) yield* itemsOf(value.items)
  } else if (value instanceof Map) {
    yield code('}')
    yield* itemsOf(value)
  } else {
    yield code('](')
    for (const item of value as readonly Picklable[]) yield* opcodes(item)
    yield code('e')
  }
}

function* itemsOf(items: ReadonlyMap<string | number, Picklable>): Generator<Buffer> {
  yield code('(')
  for (const [key, item] of items) {
    yield* opcodes(key)
    yield* opcodes(item)
  }
  yield code('u')
}

/** An integer of 32 bits, or of up to 8 bytes; or a float. */
function numberOf(value: number): Buffer {
  if (!Number.isSafeInteger(value)) {
    const float = Buffer.alloc(9, 'G')
    float.writeDoubleBE(value, 1)
    return float
  }
  if (value === (value | 0)) {
    const integer = Buffer.alloc(5, 'J')
    integer.writeInt32LE(value, 1)
    return integer
  }
  const long = Buffer.from([0x8a, 8, ...new Uint8Array(8)])
  long.writeBigInt64LE(BigInt(value), 2)
  return long
}

function textOf(value: string): Buffer {
  const text = Buffer.from(value)
  const head = Buffer.alloc(5, 'X')
  head.writeUInt32LE(text.length, 1)
  return Buffer.concat([head, text])
}
