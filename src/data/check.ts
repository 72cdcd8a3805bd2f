import { list, parse, TEXT } from '../arguments/schema.js'
import { typedArray } from '../arguments/typed-array.js'
import {
  describe,
  expectBoolean,
  expectInteger,
  expectOneOf,
  expectPath,
  expectString,
  unexpected,
} from '../check.js'
import type { AnyDataset, Values } from './dataset.js'

/** The largest number of values one item may have; native code counts them in 32 bits. */
const MAX_ITEM_LENGTH = 2 ** 31 - 1

/**
 * Checks the shape of one item, `[channels, height, width]` or `[dimensions]`.
 *
 * @returns the number of values in one item
 */
export function expectItemShape(name: string, shape: unknown): number {
  const expected = '[channels, height, width] or [dimensions]'
  if (!Array.isArray(shape)) throw new TypeError(unexpected(name, expected, shape))
  if (shape.length !== 1 && shape.length !== 3) throw new RangeError(unexpected(name, expected, shape))
  let length = 1
  for (const [axis, size] of shape.entries()) {
    expectInteger(`${name}[${axis}]`, size, 1, MAX_ITEM_LENGTH)
    length *= size
  }
  if (length > MAX_ITEM_LENGTH) {
    throw new RangeError(unexpected(name, `at most ${MAX_ITEM_LENGTH} values in all`, shape))
  }
  return length
}

/** Points have no left and right, so only images can be mirrored. */
export function expectMirror(mirror: unknown, shape: readonly number[]): void {
  expectBoolean('mirror', mirror)
  if (mirror && shape.length !== 3) {
    throw new RangeError(
      `Expected mirror to be false for points of shape ${describe(shape)} but received true`,
    )
  }
}

/** A data set that anybody may have put together: checked field by field, with values of this realm. */
export function checkedDataset(data: AnyDataset): AnyDataset {
  const { name, shape, count, mirror, notes } = data
  expectString('data.name', name)
  expectItemShape('data.shape', shape)
  expectInteger('data.count', count, 1, 2 ** 31 - 1)
  expectBoolean('data.mirror', mirror)
  if (notes !== undefined) parse<readonly string[]>('data.notes', NOTES, notes)
  return { ...data, values: checkedValues(data.values), ...checkedLabels(data) }
}

/**
 * Labels of so many items, and the names of their classes, where there are any.
 * @throws TypeError or RangeError naming what is wrong
 */
export function checkedLabels({
  labels,
  classes,
  count,
}: Pick<AnyDataset, 'labels' | 'classes' | 'count'>): Pick<AnyDataset, 'labels' | 'classes'> {
  if (labels === undefined) {
    if (classes === undefined) return {}
    throw new TypeError('Expected labels beside classes but received none')
  }
  const own = typedArray('labels', labels, ['Uint8Array'])
  if (own.length !== count) {
    throw new RangeError(`Expected labels to hold ${count} values, one an item, but received ${own.length}`)
  }
  if (classes === undefined) return { labels: own }
  const names = parse<readonly string[]>('classes', CLASSES, classes)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new RangeError(
      `Expected classes to have each name once but received ${JSON.stringify(twice)} twice`,
    )
  const largest = own.reduce((most, label) => Math.max(most, label), 0)
  if (largest < names.length) return { labels: own, classes: names }
  throw new RangeError(
    `Expected labels to be below ${names.length}, the number of classes, but received ${largest}`,
  )
}

const CLASSES = list(TEXT, 256, 'an array of names')

const NOTES = list(TEXT, 1000, 'an array of texts')

function checkedValues(values: unknown): Values {
  if (typeof values !== 'object' || values === null || ArrayBuffer.isView(values)) {
    return typedArray('data.values', values, ['Uint8Array', 'Float32Array'])
  }
  const { path, offset, dtype, length } = values as Record<string, unknown>
  expectPath('data.values.path', path)
  expectInteger('data.values.offset', offset, 0, Number.MAX_SAFE_INTEGER)
  expectOneOf('data.values.dtype', dtype, ['uint8', 'float32'])
  expectInteger('data.values.length', length, 1, Number.MAX_SAFE_INTEGER)
  return { path, offset, dtype, length }
}
