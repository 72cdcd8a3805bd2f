import { allocateBytes, expectRoom } from '../arguments/room.js'
import { product } from '../check.js'
import type { ByteStream } from '../files/byte-stream.js'
import { dataError } from '../files/read.js'
import { describeType, type NpyHeader, type NpyType, npyType } from '../tensor/npy-header.js'
import { type ArrayLayout, layoutOf } from './array-layout.js'
import { expectItemShape } from './check.js'
import { type Axis, areInPlace, type NumberFormat, readNumbers } from './numbers.js'

/** An array of a NumPy file as a data set wants it. */
export interface NpyArray {
  readonly layout: ArrayLayout
  readonly format: NumberFormat
  /** As stored, the first varying slowest. */
  readonly axes: readonly Axis[]
  /** What a user should know of how it is read. */
  readonly notes: readonly string[]
}

/**
 * What an array's values are and where they go.
 * @throws PfgmError `ERR_PFGM_DATA` where they are of another type or shape than images or points have, with what makes
 *   them so in NumPy
 */
export function describeArray(name: string, { descr, fortranOrder, shape }: NpyHeader): NpyArray {
  const format = formatOf(name, descr)
  const layout = layoutOf(name, shape)
  expectItemShape('shape', layout.shape)
  const axes = shape.map((size, axis) => ({ size, stride: layout.strides[axis]! }))
  const notes = [
    ...(layout.note === undefined ? [] : [layout.note]),
    ...(format.kind === 'b' ? ['bool was read as pixels, False black and True white'] : []),
  ]
  return {
    layout,
    format,
    axes: fortranOrder ? axes.reverse() : axes,
    notes: notes.map((note) => `${name}: ${note}`),
  }
}

/** The dtype under which the values can be used where they lie, if they can. */
export function dtypeInPlace({ format, axes }: NpyArray): 'uint8' | 'float32' | undefined {
  if (!areInPlace(axes)) return undefined
  const { kind, bytes, bigEndian } = format
  if (kind === 'u') return 'uint8'
  return kind === 'f' && bytes === 4 && !bigEndian ? 'float32' : undefined
}

/** Reads the values that come after an array's head: pixels, or float32. */
export async function readArray(
  name: string,
  array: NpyArray,
  bytes: ByteStream,
): Promise<Uint8Array | Float32Array> {
  const { format, axes } = array
  const count = product(axes.map(({ size }) => size))
  const wanted = count * format.bytes
  if (wanted > bytes.atMost) throw cutShort(name, wanted, await bytes.skipAll())
  const isFloat = format.kind === 'f'
  const size = count * (isFloat ? 4 : 1)
  expectRoom(size, purpose(name, isFloat))
  const room = allocateBytes(size, purpose(name, isFloat))
  const values = isFloat ? new Float32Array(room.buffer) : room
  const read = await readNumbers(bytes, format, axes, values)
  if (read < wanted) throw cutShort(name, wanted, read)
  return values
}

function cutShort(name: string, wanted: number, read: number): Error {
  return dataError(name, `${wanted} bytes of values, as its header says,`, `${read}`)
}

function purpose(name: string, isFloat: boolean): string {
  const expression = isFloat ? "numpy.ascontiguousarray(a, '<f4')" : "numpy.ascontiguousarray(a, 'u1')"
  return `${name}, which is converted into memory; an .npy file of ${expression} with channels first is read as it is used`
}

function formatOf(name: string, descr: unknown): NumberFormat {
  const type = npyType(descr)
  if (type !== undefined && isReadable(type)) return { ...type, kind: type.kind as NumberFormat['kind'] }
  throw dataError(
    name,
    'uint8 pixels, bool, or float16, float32 or float64 values',
    `${describeType(descr)}: ${cure(type)}`,
  )
}

function isReadable({ kind, bytes }: NpyType): boolean {
  return (kind === 'u' && bytes === 1) || kind === 'b' || (kind === 'f' && [2, 4, 8].includes(bytes))
}

/** What to save in NumPy instead of such an array `a`. */
function cure(type: NpyType | undefined): string {
  switch (type?.kind) {
    case 'i':
    case 'u':
      return "save a.astype('uint8') if these are pixels 0 to 255, a.astype('float32') if they are values"
    case 'f':
      return "save a.astype('float32')"
    case 'c':
      return "save numpy.stack([a.real, a.imag], 1).astype('float32')"
    case 'O':
      return "save numpy.stack(list(a)).astype('float32'), which needs items of one shape"
    default:
      return "save an array of numbers, a.astype('float32')"
  }
}
