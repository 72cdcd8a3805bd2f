import { expect, test } from 'vitest'
import { array } from '../../src/data/array.js'

test('array takes the values as they are', async () => {
  const values = new Float32Array(12)
  const labels = new Uint8Array([0, 1])
  const dataset = await array(values, [1, 2, 3], { name: 'mine', labels, mirror: true })
  expect(dataset).toEqual({ name: 'mine', shape: [1, 2, 3], count: 2, values, labels, mirror: true })
  expect(dataset.values).toBe(values)
  expect(await array(new Uint8Array(6), [2])).toMatchObject({ name: 'array', count: 3, mirror: false })
})

test.each([
  [
    new Float64Array(4),
    [2],
    'Expected values to be a Uint8Array or a Float32Array but received an object of type Float64Array',
  ],
  [[1, 2], [2], 'Expected values to be a Uint8Array or a Float32Array but received [1, 2]'],
  [
    new Uint8Array(4),
    '2',
    'Expected shape to be [channels, height, width] or [dimensions] but received "2" (string)',
  ],
  [
    new Uint8Array(4),
    [2, 2],
    'Expected shape to be [channels, height, width] or [dimensions] but received [2, 2]',
  ],
  [new Uint8Array(4), [0], 'Expected shape[0] to be an integer from 1 to 2147483647 but received 0'],
  [
    new Uint8Array(4),
    ['2'],
    'Expected shape[0] to be an integer from 1 to 2147483647 but received "2" (string)',
  ],
  [new Uint8Array(4), [65536, 65536, 1], 'at most 2147483647 values in all'],
  [new Uint8Array(4), [3], 'Expected values to hold a multiple of 3 values (shape [3]) but received 4'],
  [new Uint8Array(0), [3], 'Expected values to hold a multiple of 3 values (shape [3]) but received 0'],
])('array refuses %o of shape %o', async (values, shape, message) => {
  await expect(array(values as Uint8Array, shape as number[])).rejects.toThrow(message)
})

test('array refuses labels that do not fit and points to be mirrored', async () => {
  const values = new Uint8Array(4)
  await expect(array(values, [2], { labels: new Uint8Array(3) })).rejects.toThrow(
    'Expected labels to hold 2 values, one an item, but received 3',
  )
  await expect(array(values, [2], { labels: [0, 1] as unknown as Uint8Array })).rejects.toThrow(TypeError)
  const labels = Uint8Array.of(0, 2)
  await expect(array(values, [2], { labels, classes: ['a', 'b'] })).rejects.toThrow(
    'Expected labels to be below 2, the number of classes, but received 2',
  )
  await expect(array(values, [2], { labels, classes: ['a', 'b', 'a'] })).rejects.toThrow('"a" twice')
  await expect(array(values, [2], { classes: ['a'] })).rejects.toThrow('Expected labels beside classes')
  const named = await array(values, [2], { labels, classes: ['a', 'b', 'c'] })
  expect(named).toMatchObject({ labels, classes: ['a', 'b', 'c'] })
  await expect(array(values, [2], { mirror: true })).rejects.toThrow(RangeError)
  await expect(array(values, [2], { mirror: 1 as unknown as boolean })).rejects.toThrow(TypeError)
})
