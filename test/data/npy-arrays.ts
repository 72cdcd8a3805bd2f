import fc from 'fast-check'
import { npyBytes } from './npy-file.js'

/** Writes a number at its place, in the high byte's or the low byte's order. */
type Write = (bytes: DataView, at: number, value: number, littleEndian: boolean) => void

const TYPES: Readonly<Record<string, { size: number; write: Write }>> = {
  b1: { size: 1, write: (bytes, at, value) => bytes.setUint8(at, value) },
  u1: { size: 1, write: (bytes, at, value) => bytes.setUint8(at, value) },
  f2: { size: 2, write: (bytes, at, value, little) => bytes.setUint16(at, halfBits(value), little) },
  f4: { size: 4, write: (bytes, at, value, little) => bytes.setFloat32(at, value, little) },
  f8: { size: 8, write: (bytes, at, value, little) => bytes.setFloat64(at, value, little) },
}

/** Of a whole number from 0 to 255, which float16 holds exactly. */
function halfBits(value: number): number {
  if (value === 0) return 0
  const exponent = Math.floor(Math.log2(value))
  return ((exponent + 15) << 10) | ((value / 2 ** exponent - 1) * 1024)
}

/** Arrays of small whole numbers, in C order here, whatever order they are stored in. */
export const arrays = fc
  .record({
    descr: fc.constantFrom('|b1', '|u1', '<f2', '>f2', '<f4', '>f4', '<f8', '>f8'),
    fortran: fc.boolean(),
    shape: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 }),
    seed: fc.nat(1000),
  })
  .map(({ seed, ...array }) => {
    const most = array.descr === '|b1' ? 2 : 256
    const count = array.shape.reduce((a, b) => a * b, 1)
    return { ...array, values: Array.from({ length: count }, (_, i) => (i * 7919 + seed) % most) }
  })

/** The places of an array in C order. */
function placesIn(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  )
}

export function encodeArray(
  descr: string,
  fortran: boolean,
  shape: readonly number[],
  values: readonly number[],
): Buffer {
  const { size, write } = TYPES[descr.slice(1)]!
  const bytes = new DataView(new ArrayBuffer(size * values.length))
  const little = !descr.startsWith('>')
  const places = placesIn(shape)
  const order = fortran
    ? placesIn(shape.toReversed()).map((place) => place.reverse().join())
    : places.map(String)
  const inC = new Map(places.map((place, index) => [place.join(), index]))
  for (const [index, place] of order.entries()) write(bytes, size * index, values[inC.get(place)!]!, little)
  return npyBytes(descr, shape, new Uint8Array(bytes.buffer), fortran ? 'True' : 'False')
}

export function isChannelsLast(shape: readonly number[]): boolean {
  const isChannels = (size: number | undefined) => size === 1 || size === 3 || size === 4
  return shape.length === 4 && isChannels(shape[3]) && !isChannels(shape[1])
}

/** The values as they are in a data set. */
export function channelsFirst(shape: readonly number[], values: readonly number[]): number[] {
  if (!isChannelsLast(shape)) return [...values]
  const [count, height, width, channels] = shape as [number, number, number, number]
  return placesIn([count, channels, height, width]).map(
    ([n, c, y, x]) => values[((n! * height + y!) * width + x!) * channels + c!]!,
  )
}
