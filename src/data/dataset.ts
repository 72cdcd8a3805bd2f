/**
 * A data set in memory: `count` items of `shape`, one after another.
 *
 * A `Uint8Array` holds pixels 0…255 and stands for values `v / 127.5 - 1` in [-1, 1];
 * a `Float32Array` holds the values themselves. Images are channels first (planar).
 */
export interface Dataset {
  /** What the data is, for logs and config files: `digits`, `cifar10`, `two-moons`, … */
  readonly name: string
  /** `[channels, height, width]` for images, `[dimensions]` for points. */
  readonly shape: readonly number[]
  /** Number of items. */
  readonly count: number
  /** `count * product(shape)` values, item after item. */
  readonly values: Uint8Array | Float32Array
  /** Class of each item, where the data has classes. */
  readonly labels?: Uint8Array
  /** Whether a horizontally mirrored item is as likely as the item itself (photographs: yes; digits: no). */
  readonly mirror: boolean
}
