import { endianness } from 'node:os'
import { product } from '../check.js'
import type { ByteStream } from '../files/byte-stream.js'

/** How numbers are stored. */
export interface NumberFormat {
  /** As NumPy names kinds: boolean, unsigned integer, float. */
  readonly kind: 'b' | 'u' | 'f'
  readonly bytes: number
  readonly bigEndian: boolean
}

/** An axis of stored numbers, and how far apart neighbours on it are where they go. */
export interface Axis {
  readonly size: number
  readonly stride: number
}

const BLOCK_BYTES = 2 ** 20

/** Whether numbers that are stored along such axes, the first varying slowest, go where they already are. */
export function areInPlace(axes: readonly Axis[]): boolean {
  let stride = 1
  for (const axis of axes.toReversed()) {
    if (axis.size === 1) continue
    if (axis.stride !== stride) return false
    stride *= axis.size
  }
  return true
}

/**
 * Reads numbers, a block at a time, and puts them where their axes say: booleans as 0 and 255, floats as float32.
 *
 * @param axes as stored, the first varying slowest
 * @returns how many bytes came; fewer than there should be where the stream ends early
 */
export async function readNumbers(
  bytes: ByteStream,
  format: NumberFormat,
  axes: readonly Axis[],
  into: Uint8Array | Float32Array,
): Promise<number> {
  if (areInPlace(axes) && isStoredLike(into, format)) {
    return bytes.fill(new Uint8Array(into.buffer, into.byteOffset, into.byteLength))
  }
  const scatter = areInPlace(axes) ? inOrder(into) : scattered(into, axes)
  const wanted = product(axes.map(({ size }) => size)) * format.bytes
  let read = 0
  while (read < wanted) {
    const block = new Uint8Array(Math.min(BLOCK_BYTES, wanted - read))
    const filled = await bytes.fill(block)
    read += filled
    if (filled < block.length) return read
    scatter(decode(block, format))
  }
  return read
}

/** Whether the bytes of numbers are those that the array has. */
function isStoredLike(into: Uint8Array | Float32Array, { kind, bytes, bigEndian }: NumberFormat): boolean {
  if (into instanceof Uint8Array) return kind === 'u'
  return kind === 'f' && bytes === 4 && bigEndian === (endianness() === 'BE')
}

type Numbers = Uint8Array | Float32Array | Float64Array

/** The numbers of a block, which may be changed. */
function decode(block: Uint8Array<ArrayBuffer>, { kind, bytes, bigEndian }: NumberFormat): Numbers {
  const swapped = bigEndian !== (endianness() === 'BE')
  const buffer = Buffer.from(block.buffer)
  switch (`${kind}${bytes}`) {
    case 'b1':
      return block.map((value) => (value === 0 ? 0 : 255))
    case 'u1':
      return block
    case 'f2':
      if (swapped) buffer.swap16()
      return takeFrom(halves(), new Uint16Array(block.buffer))
    case 'f4':
      if (swapped) buffer.swap32()
      return new Float32Array(block.buffer)
    case 'f8':
      if (swapped) buffer.swap64()
      return new Float64Array(block.buffer)
    default:
      throw new Error(`Numbers of ${bytes} bytes of kind ${kind}`)
  }
}

function takeFrom(values: Float32Array, places: Uint16Array): Float32Array {
  const taken = new Float32Array(places.length)
  for (let i = 0; i < places.length; i++) taken[i] = values[places[i]!]!
  return taken
}

let table: Float32Array | undefined

/** The values of all float16, made when they are first wanted. */
function halves(): Float32Array {
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfValue(bits))
  return table
}

/** A sign, 5 bits of exponent, 10 of mantissa. */
function halfValue(bits: number): number {
  const sign = bits < 0x8000 ? 1 : -1
  const exponent = (bits >> 10) & 31
  const mantissa = bits & 1023
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25))
}

function inOrder(into: Uint8Array | Float32Array): (numbers: Numbers) => void {
  let at = 0
  return (numbers) => {
    into.set(numbers, at)
    at += numbers.length
  }
}

/** Puts each number at the sum of its places on the axes times their strides. */
function scattered(into: Uint8Array | Float32Array, axes: readonly Axis[]): (numbers: Numbers) => void {
  const places = axes.map(() => 0)
  const last = axes.length - 1
  const { size, stride } = axes[last]!
  let at = 0
  const nextRow = (): void => {
    at -= size * stride
    for (let axis = last - 1; axis >= 0; axis--) {
      const outer = axes[axis]!
      at += outer.stride
      places[axis]!++
      if (places[axis]! < outer.size) return
      places[axis] = 0
      at -= outer.size * outer.stride
    }
  }
  let place = 0
  return (numbers) => {
    for (let i = 0; i < numbers.length; i++) {
      into[at] = numbers[i]!
      at += stride
      place++
      if (place < size) continue
      place = 0
      nextRow()
    }
  }
}
