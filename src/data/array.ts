import { kind, optionsSchema, parseOptions, SWITCH, TEXT } from '../arguments/schema.js'
import { typedArray } from '../arguments/typed-array.js'
import { describe } from '../check.js'
import { checkedLabels, expectItemShape, expectMirror } from './check.js'
import type { Dataset } from './dataset.js'

/** What is known of an array. */
export interface ArrayOptions {
  /** What the data is, for logs. Default `array`. */
  readonly name?: string
  /** Class of each item, 0 to 255. */
  readonly labels?: Uint8Array
  /** Names of the classes. Default: none, they are told by number. */
  readonly classes?: readonly string[]
  /** Whether items may be mirrored left to right; images only. Default false. */
  readonly mirror?: boolean
}

const SCHEMA = optionsSchema<ArrayOptions>({
  name: TEXT,
  labels: kind('a Uint8Array', ArrayBuffer.isView),
  classes: kind('an array of names', Array.isArray),
  mirror: SWITCH,
})

/**
 * A data set from values in memory. The values are used as they are, not copied: leave them alone afterwards. (What is over
 * shared or resizable memory is copied.)
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
  const { name = 'array', labels, classes, mirror = false } = parseOptions('array', SCHEMA, options)
  const own = typedArray('values', values, ['Uint8Array', 'Float32Array'])
  const length = expectItemShape('shape', shape)
  expectMirror(mirror, shape)
  const count = countItems(own, length, shape)
  const labelled = checkedLabels({ count, ...(labels && { labels }), ...(classes && { classes }) })
  return { name, shape: [...shape], count, values: own, mirror, ...labelled }
}

function countItems(values: Uint8Array | Float32Array, length: number, shape: readonly number[]): number {
  const count = values.length / length
  if (count >= 1 && Number.isInteger(count)) return count
  throw new RangeError(
    `Expected values to hold a multiple of ${length} values (shape ${describe(shape)}) but received ${values.length}`,
  )
}
