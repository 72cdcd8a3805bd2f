/**
 * A data set: `count` items of `shape`, one after another.
 *
 * A `Uint8Array` holds pixels 0…255 and stands for values `v / 127.5 - 1` in [-1, 1];
 * a `Float32Array` holds the values themselves; values may also stay in a file. Images are channels first (planar).
 */
export interface Dataset<V extends Values = Uint8Array | Float32Array> {
  /** What the data is, for logs and config files: `digits`, `cifar10`, `two-moons`, … */
  readonly name: string
  /** `[channels, height, width]` for images, `[dimensions]` for points. */
  readonly shape: readonly number[]
  /** Number of items. */
  readonly count: number
  /** `count * product(shape)` values, item after item. */
  readonly values: V
  /** Class of each item, where the data has classes. */
  readonly labels?: Uint8Array
  /** Names of the classes, that of label i in place i, where they have names. */
  readonly classes?: readonly string[]
  /** Whether a horizontally mirrored item is as likely as the item itself (photographs: yes; digits: no). */
  readonly mirror: boolean
  /** What a user should know of how it was read, such as files that were passed over; `train()` warns of each. */
  readonly notes?: readonly string[]
}

/** Values that stay in a file and are mapped, `length` of them from byte `offset` on. */
export interface MappedValues {
  /** The file. */
  readonly path: string
  /** Where they begin, in bytes. */
  readonly offset: number
  /** `uint8`: pixels 0 to 255; `float32`: the values themselves, little-endian. */
  readonly dtype: 'uint8' | 'float32'
  /** How many. */
  readonly length: number
}

/** Values in memory, or in a file. */
export type Values = Uint8Array | Float32Array | MappedValues
/** A data set whose values are in memory or in a file. */
export type AnyDataset = Dataset<Values>
