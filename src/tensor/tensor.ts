import { expectRoom } from '../arguments/room.js'
import { integer, kind, list, oneOf, optionsSchema, parse, parseOptions } from '../arguments/schema.js'
import { type ArrayKind, typedArray } from '../arguments/typed-array.js'
import { expectInteger, expectPath, product } from '../check.js'
import { writeWhole } from '../files/whole-file.js'
import type { Dtype, TensorHandle, TensorInfo } from '../native/addon.js'
import { DEVICE } from '../native/device.js'
import { NativeObject, native } from '../native/native.js'
import { npyHead, readNpyHeader } from './npy-header.js'
import { type PngOptions, savePng } from './picture.js'

/** The typed array that holds a dtype's values. */
export interface TypedArrayOf {
  /** Values of data, networks and samples. */
  float32: Float32Array
  /** States on paths, encodings. */
  float64: Float64Array
  /** Pixels, 0 to 255. */
  uint8: Uint8Array
  /** Whole numbers. */
  int64: BigInt64Array
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int64: BigInt64Array,
} as const
const KINDS = Object.values(ARRAYS).map(({ name }) => name as ArrayKind)

const DTYPES = Object.keys(ARRAYS) as Dtype[]
const DTYPE = oneOf(DTYPES)
/** Far more than memory or a file holds; its bytes can still be counted. */
const MOST_VALUES = 2 ** 40
export const SHAPE = list(integer(0, Number.MAX_SAFE_INTEGER), 64, 'an array of sizes').refine(
  (shape) => product(shape) <= MOST_VALUES,
  { error: 'sizes of at most 2^40 values in all' },
)
const FROM_SCHEMA = optionsSchema<{ device?: string }>({ device: DEVICE })

/**
 * An n-dimensional array in native memory, row-major, on a device. The dtype is part of the type.
 *
 * Dispose of it (`dispose()` or `using`) as soon as it is not needed: the collector frees it too, but late.
 */
export class Tensor<D extends Dtype = Dtype> extends NativeObject<TensorHandle> {
  /** What its values are. */
  readonly dtype: D
  /** Its sizes; `[]` is a single value. */
  readonly shape: readonly number[]
  /** `cpu` or `cuda:N`. */
  readonly device: string

  /** @internal */
  constructor(info: TensorInfo) {
    super(info.id)
    this.dtype = info.dtype as D
    this.shape = Object.freeze([...info.shape])
    this.device = info.device
  }

  /**
   * A tensor with a copy of `values`.
   * @param shape sizes whose product is `values.length`
   * @throws TypeError where they do not agree
   */
  static async from<D extends Dtype>(
    values: TypedArrayOf[D],
    shape: readonly number[],
    options: { device?: string } = {},
  ): Promise<Tensor<D>> {
    const array = typedArray('values', values, KINDS)
    const dtype = DTYPES.find((one) => array instanceof ARRAYS[one])!
    parse('shape', SHAPE, shape)
    const { device = 'cpu' } = parseOptions('Tensor.from', FROM_SCHEMA, options)
    const info = await native().createTensor(array, dtype, shape, device)
    return new Tensor<D>(info)
  }

  /**
   * A tensor whose values are all the same, on the CPU.
   * @throws PfgmError `ERR_PFGM_OUT_OF_MEMORY` where memory cannot hold it
   */
  static async full<D extends Dtype>(shape: readonly number[], value: number, dtype: D): Promise<Tensor<D>> {
    parse('shape', SHAPE, shape)
    parse('dtype', DTYPE, dtype)
    expectRoom(product(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT, `a tensor of [${shape.join(', ')}]`)
    return new Tensor<D>(await native().fullTensor(shape, value, dtype))
  }

  /**
   * The rows of several tensors of one dtype, one tensor's after another's.
   * @param tensors `[n_i, ...]`, which differ in their first sizes alone
   * @throws TypeError where they differ in more
   */
  static async concat<D extends Dtype>(tensors: readonly Tensor<D>[]): Promise<Tensor<D>> {
    parse('tensors', TENSORS, tensors)
    return new Tensor<D>(await native().concatTensors(tensors.map(({ handle }) => handle)))
  }

  /**
   * A tensor of the values in a file from byte `offset` on. They are mapped: read as they are used, and not held in
   * memory. Leave the file alone as long as the tensor lives; a file that becomes shorter ends the process.
   * @throws PfgmError `ERR_PFGM_IO` where the file cannot be opened, `ERR_PFGM_DATA` where it is too short
   */
  static async map<D extends Dtype>(
    path: string,
    dtype: D,
    shape: readonly number[],
    offset = 0,
  ): Promise<Tensor<D>> {
    expectPath('path', path)
    parse('dtype', DTYPE, dtype)
    parse('shape', SHAPE, shape)
    expectInteger('offset', offset, 0, Number.MAX_SAFE_INTEGER)
    return new Tensor<D>(await native().mapTensor(path, dtype, shape, offset))
  }

  /**
   * A tensor with the values of a NumPy file (`numpy.save`, `saveNpy`), little-endian and in order C.
   * @throws PfgmError `ERR_PFGM_DATA` where there is no such file, or it holds another dtype, another order or no values
   */
  static async loadNpy<D extends Dtype>(path: string, dtype: D): Promise<Tensor<D>> {
    expectPath('path', path)
    parse('dtype', DTYPE, dtype)
    const { shape, offset } = await readNpyHeader(path, [dtype])
    using mapped = await Tensor.map(path, dtype, shape, offset)
    // A copy: whatever becomes of the file, the tensor stays.
    return await mapped.slice(0, mapped.shape[0] ?? 0)
  }

  /** Number of values. */
  get size(): number {
    return product(this.shape)
  }

  /** A copy of the values. */
  async data(): Promise<TypedArrayOf[D]> {
    const buffer = await native().readTensor(this.handle)
    return new ARRAYS[this.dtype](buffer) as TypedArrayOf[D]
  }

  /**
   * Rows `first` to `first + count - 1`, as a tensor of their own.
   * @throws TypeError for what is no number; RangeError where there are no such rows
   */
  async slice(first: number, count: number): Promise<Tensor<D>> {
    const rows = this.shape[0] ?? 0
    expectInteger('first', first, 0, rows)
    expectInteger('count', count, 0, rows - first)
    return new Tensor<D>(await native().sliceTensor(this.handle, first, count))
  }

  /**
   * What has the place `index` on an axis, without that axis: of `[n, m, k]` on axis 1 `[n, k]`.
   * @throws TypeError for what is no number, and a tensor without axes; RangeError where there is no such axis or place
   */
  async select(axis: number, index: number): Promise<Tensor<D>> {
    expectInteger('axis', axis, 0, Math.max(0, this.shape.length - 1))
    expectInteger('index', index, 0, Math.max(0, (this.shape[axis] ?? 0) - 1))
    return new Tensor<D>(await native().selectTensor(this.handle, axis, index))
  }

  /** |row| of each row, whatever its shape: NaN or infinite where a value is. */
  async rowNorms(): Promise<Float64Array> {
    return native().rowNorms(this.handle)
  }

  /**
   * Draws the tensor and writes it as a PNG: images `[n, 1 or 3, height, width]` with values in [-1, 1] as a grid,
   * points `[n, 2]` as their density.
   * @throws TypeError for other shapes; PfgmError `ERR_PFGM_IO` where the file cannot be written
   */
  async savePng(path: string, options: PngOptions = {}): Promise<void> {
    await savePng(this, path, options)
  }

  /**
   * Writes the values as a NumPy file, as `numpy.save` does.
   * @throws PfgmError `ERR_PFGM_IO` where the file cannot be written
   */
  async saveNpy(path: string): Promise<void> {
    const values = await this.data()
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    await writeWhole(path, [npyHead(this.dtype, this.shape), bytes])
  }
}

/** One of any shape and dtype. */
export const TENSOR = kind<Tensor>('a tensor', (value) => value instanceof Tensor)

const TENSORS = list(TENSOR, 1_000_000, 'an array of tensors')
