import { describe, expectBoolean, expectInteger, unexpected } from '../check.js'

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
