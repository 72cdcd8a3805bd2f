import { expect, test } from 'vitest'
import { digits } from '../../src/data/digits.js'

test('digits are 1797 labelled grey images of 8 x 8', async () => {
  const { name, shape, count, values, labels, mirror } = await digits()
  expect({ name, shape, count, mirror }).toEqual({
    name: 'digits',
    shape: [1, 8, 8],
    count: 1797,
    mirror: false,
  })
  expect(values).toBeInstanceOf(Uint8Array)
  expect(values).toHaveLength(1797 * 64)
  expect([...labels!.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
  expect([values[0], values[2], values[3]]).toEqual([0, 0x50, 0xcf])
  expect(Math.max(...values)).toBe(255)
})
