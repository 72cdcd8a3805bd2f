/** Typed arrays of any realm and over any kind of buffer. */
import { types } from 'node:util'
import { unexpected } from '../check.js'

const ARRAYS = { Float32Array, Float64Array, Uint8Array, Int32Array, BigInt64Array } as const
type Arrays = { [Kind in keyof typeof ARRAYS]: InstanceType<(typeof ARRAYS)[Kind]> }
export type ArrayKind = keyof Arrays

/** The engine's own word for what a typed array is, which no realm and no subclass changes. */
const kindOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!

/**
 * A typed array of one of some kinds, as one of this realm over bytes that nobody else can write to meanwhile or take
 * away: what is over shared or resizable memory is copied.
 * @throws TypeError where it is another value, or its buffer was detached or has become too short for it
 */
export function typedArray<K extends ArrayKind>(
  name: string,
  value: unknown,
  kinds: readonly K[],
): Arrays[K] {
  const kind = kinds.find((one) => one === kindOf.call(value))
  if (kind === undefined)
    throw new TypeError(unexpected(name, kinds.map((one) => `a ${one}`).join(' or '), value))
  const array = value as Arrays[K]
  expectAttached(name, array)
  const own = ARRAYS[kind] as unknown as new (from: unknown, offset?: number, length?: number) => Arrays[K]
  const { buffer, byteOffset, length } = array
  if (types.isSharedArrayBuffer(buffer) || ('resizable' in buffer && buffer.resizable)) return new own(array)
  return array instanceof own ? array : new own(buffer, byteOffset, length)
}

function expectAttached(name: string, array: Arrays[ArrayKind]): void {
  try {
    // Every method of a typed array throws where its bytes are gone.
    Uint8Array.prototype.at.call(array, 0)
  } catch (cause) {
    throw new TypeError(
      `Expected ${name} to be over a buffer that is there but received one that was detached or shortened`,
      { cause },
    )
  }
}
