import { ZipFile } from 'yazl'

/** A tensor to be written: float32 values in their order. */
export class Written {
  readonly shape: readonly number[]
  readonly values: Float32Array
  constructor(shape: readonly number[], values: Float32Array) {
    this.shape = shape
    this.values = values
  }
}

/** An object of a class: called with arguments, and given a state. */
export class Named {
  readonly name: string
  readonly given: readonly unknown[]
  readonly state: unknown
  /** @param name `module name` */
  constructor(name: string, given: readonly unknown[], state?: unknown) {
    this.name = name
    this.given = given
    this.state = state
  }
}

/** A list is a tuple where it is in one of these. */
export class Tuple {
  readonly items: readonly unknown[]
  constructor(...items: unknown[]) {
    this.items = items
  }
}

const number = (write: (bytes: Buffer) => void, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  write(bytes)
  return bytes
}
const uint32 = (value: number): Buffer => number((bytes) => bytes.writeUInt32LE(value), 4)
const op = (code: string): Buffer => Buffer.from(code, 'latin1')

const MAGIC = Buffer.from('8a0a6cfc9c46f9206aa850192e', 'hex')

/** Pickles values as Python's protocol 2 does, without memory. `storage` writes what a tensor's values lie in. */
function pickled(value: unknown, storage: (tensor: Written) => Buffer[], protocol = 2): Buffer {
  const parts: Buffer[] = [Buffer.from([0x80, protocol])]
  const put = (each: unknown): void => {
    if (each === null || each === undefined) parts.push(op('N'))
    else if (typeof each === 'boolean') parts.push(op(each ? '\x88' : '\x89'))
    else if (typeof each === 'number' && Number.isInteger(each) && Math.abs(each) < 2 ** 31)
      parts.push(
        op('J'),
        number((bytes) => bytes.writeInt32LE(each), 4),
      )
    else if (typeof each === 'number')
      parts.push(
        op('G'),
        number((bytes) => bytes.writeDoubleBE(each), 8),
      )
    else if (typeof each === 'string') parts.push(op('X'), uint32(Buffer.byteLength(each)), Buffer.from(each))
    else if (each instanceof Written) tensor(each)
    else if (each instanceof Named) object(each)
    else if (each instanceof Tuple) tuple(each.items)
    else if (Buffer.isBuffer(each)) parts.push(op('B'), uint32(each.length), each)
    else if (Array.isArray(each)) list(each)
    else dictionary(each as object)
  }
  const tuple = (items: readonly unknown[]): void => {
    parts.push(op('('))
    for (const item of items) put(item)
    parts.push(op('t'))
  }
  const list = (items: readonly unknown[]): void => {
    parts.push(op(']('))
    for (const item of items) put(item)
    parts.push(op('e'))
  }
  const dictionary = (items: object): void => {
    parts.push(op('}('))
    for (const [key, item] of items instanceof Map ? items : Object.entries(items)) {
      put(key)
      put(item)
    }
    parts.push(op('u'))
  }
  const named = (name: string): void => {
    parts.push(op('c'), op(`${name.replace(' ', '\n')}\n`))
  }
  const object = ({ name, given, state }: Named): void => {
    named(name)
    tuple(given)
    parts.push(op('R'))
    if (state === undefined) return
    put(state)
    parts.push(op('b'))
  }
  const tensor = (each: Written): void => {
    named('torch._utils _rebuild_tensor_v2')
    parts.push(op('('), ...storage(each))
    put(0)
    tuple(each.shape)
    tuple(each.shape.map((_, axis) => each.shape.slice(axis + 1).reduce((all, side) => all * side, 1)))
    put(false)
    put(new Named('collections OrderedDict', []))
    parts.push(op('tR'))
  }
  put(value)
  return Buffer.concat([...parts, op('.')])
}

/** A reference to a storage by its key, as both layouts of `torch.save` have it. */
function reference(key: string, count: number): Buffer[] {
  const text = (value: string): Buffer[] => [op('X'), uint32(Buffer.byteLength(value)), Buffer.from(value)]
  const begin = [op('('), ...text('storage'), op('ctorch\nFloatStorage\n'), ...text(key), ...text('cpu')]
  return [...begin, op('J'), uint32(count), op('tQ')]
}

function bytesOf({ values }: Written): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength)
}

/** A value as `torch.save` writes it: a zip archive, with the word for the order of bytes where there is one. */
export async function torchZip(value: unknown, byteorder?: string): Promise<Buffer> {
  const storages: Written[] = []
  const pickle = pickled(value, (tensor) =>
    reference(String(storages.push(tensor) - 1), tensor.values.length),
  )
  const zip = new ZipFile()
  const add = (name: string, bytes: Buffer) => zip.addBuffer(bytes, `archive/${name}`, { compress: false })
  add('data.pkl', pickle)
  if (byteorder !== undefined) add('byteorder', Buffer.from(byteorder))
  for (const [key, tensor] of storages.entries()) add(`data/${key}`, bytesOf(tensor))
  zip.end()
  const chunks: Buffer[] = []
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The same in the layout of torch before 1.6. */
export function torchLegacy(value: unknown): Buffer {
  const storages: Written[] = []
  const pickle = pickled(value, (tensor) =>
    reference(String(storages.push(tensor) - 1), tensor.values.length),
  )
  return legacy(pickle, storages)
}

function legacy(pickle: Buffer, storages: readonly Written[]): Buffer {
  const plain = (value: unknown) => pickled(value, () => [])
  const keys = plain(storages.map((_, key) => String(key)))
  const header = [Buffer.from([0x80, 2]), MAGIC, plain(1001), plain({ little_endian: true })]
  const values = storages.flatMap((tensor) => [
    number((bytes) => bytes.writeBigInt64LE(BigInt(tensor.values.length)), 8),
    bytesOf(tensor),
  ])
  return Buffer.concat([...header, pickle, keys, ...values])
}

/** A value as Python's pickle module writes it, its tensors inside, each a file of the older layout. */
export function torchPickle(value: unknown): Buffer {
  const within = (tensor: Written): Buffer[] => {
    const storage = Buffer.concat([Buffer.from([0x80, 2]), ...reference('0', tensor.values.length), op('.')])
    const bytes = legacy(storage, [tensor])
    return [op('ctorch.storage\n_load_from_bytes\n('), op('B'), uint32(bytes.length), bytes, op('tR')]
  }
  return pickled(value, within, 4)
}
