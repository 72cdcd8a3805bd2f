import { describe, expectString, unexpected } from '../check.js'
import { expectItemShape, expectMirror } from './check.js'
import type { Dataset } from './dataset.js'

export interface ArrayOptions {
  /** What the data is, for logs. Default `array`. */
  readonly name?: string
  /** Class of each item, 0 to 255. */
  readonly labels?: Uint8Array
  /** Whether items may be mirrored left to right; images only. Default false. */
  readonly mirror?: boolean
}

/**
 * A data set from values in memory. The values are used as they are, not copied: leave them alone afterwards.
 *
 * @param values a `Uint8Array` of pixels 0 to 255, or a `Float32Array` of the values themselves (in [-1, 1],
 *   or near it), item after item
 * @param shape of one item: `[channels, height, width]` (planar) or `[dimensions]`
 * @throws TypeError where the values are of another type
 * @throws RangeError where the values are no whole number of items, or the labels are more or fewer than the items
 */
export async function array(
  values: Uint8Array | Float32Array,
  shape: readonly number[],
  options: ArrayOptions = {},
): Promise<Dataset> {
  const { name = 'array', labels, mirror = false } = options
  if (!(values instanceof Uint8Array) && !(values instanceof Float32Array)) {
    throw new TypeError(unexpected('values', 'a Uint8Array or a Float32Array', values))
  }
  const length = expectItemShape('shape', shape)
  expectString('name', name)
  expectMirror(mirror, shape)
  const count = countItems(values, length, shape)
  if (labels !== undefined) expectLabels(labels, count)
  return { name, shape: [...shape], count, values, mirror, ...(labels && { labels }) }
}

function countItems(values: Uint8Array | Float32Array, length: number, shape: readonly number[]): number {
  const count = values.length / length
  if (count >= 1 && Number.isInteger(count)) return count
  throw new RangeError(
    `Expected values to hold a multiple of ${length} values (shape ${describe(shape)}) but received ${values.length}`,
  )
}

function expectLabels(labels: unknown, count: number): void {
  if (!(labels instanceof Uint8Array)) throw new TypeError(unexpected('labels', 'a Uint8Array', labels))
  if (labels.length !== count) {
    throw new RangeError(
      `Expected labels to hold ${count} values, one an item, but received ${labels.length}`,
    )
  }
}
