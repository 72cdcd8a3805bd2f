import { describe, expect, test } from 'vitest'
import { TOY_KINDS, type ToyKind, toy } from '../../src/data/toys.js'

const COUNT = 20_000

async function columns(kind: ToyKind, seed = 1): Promise<{ x: number[]; y: number[] }> {
  const { values } = await toy(kind, { count: COUNT, seed })
  const pick = (axis: number): number[] =>
    Array.from({ length: COUNT }, (_, item) => values[2 * item + axis]!)
  return { x: pick(0), y: pick(1) }
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

/** Mean and mean square of both axes; each is within `within` of what it should be. */
function expectMoments(
  { x, y }: { x: number[]; y: number[] },
  moments: readonly number[],
  within: number,
): void {
  const square = (value: number): number => value * value
  const measured = [mean(x), mean(y), mean(x.map(square)), mean(y.map(square))]
  for (const [index, moment] of moments.entries()) {
    expect(Math.abs(measured[index]! - moment)).toBeLessThan(within)
  }
}

describe.each(TOY_KINDS)('%s', (kind) => {
  test('is a data set of points close to [-1, 1]', async () => {
    const { name, shape, count, values, mirror } = await toy(kind, { count: COUNT })
    expect({ name, shape, count, mirror }).toEqual({ name: kind, shape: [2], count: COUNT, mirror: false })
    expect(values).toBeInstanceOf(Float32Array)
    expect(values).toHaveLength(2 * COUNT)
    expect(values.every((value) => Math.abs(value) < 1.1)).toBe(true)
  })

  test('a point depends on the seed and its index alone', async () => {
    const few = await toy(kind, { count: 7, seed: 3 })
    const many = await toy(kind, { count: 1000, seed: 3n })
    expect(few.values).toEqual(many.values.slice(0, 14))
    expect((await toy(kind, { count: 7, seed: 4 })).values).not.toEqual(few.values)
    expect((await toy(kind, { count: 7, seed: 2n ** 64n - 1n })).values).not.toEqual(few.values)
  })

  test('points do not repeat', async () => {
    const { x } = await columns(kind)
    expect(new Set(x).size).toBeGreaterThan(0.99 * COUNT)
  })
})

test('two moons: moments, and the distance from the nearer half circle', async () => {
  const points = await columns('two-moons')
  const { x, y } = points
  expectMoments(points, [0, 0, 0.7525 / 1.75 ** 2, (0.5625 - 1 / Math.PI + 0.0025) / 1.75 ** 2], 0.015)
  const distance = x.map((value, item) => {
    const [u, v] = [1.75 * value + 0.5, 1.75 * y[item]! + 0.25]
    return Math.min(Math.abs(Math.hypot(u, v) - 1), Math.abs(Math.hypot(u - 1, v - 0.5) - 1))
  })
  expect(mean(distance)).toBeGreaterThan(0.03)
  expect(mean(distance)).toBeLessThan(0.045)
})

test('eight Gaussians: moments, equal shares and the spread of each', async () => {
  const points = await columns('eight-gaussians')
  expectMoments(points, [0, 0, 0.3225, 0.3225], 0.015)
  const shares = new Array<number>(8).fill(0)
  const squares = points.x.map((x, item) => {
    const y = points.y[item]!
    const nearest = Math.round(Math.atan2(y, x) / (Math.PI / 4))
    shares[(nearest + 8) % 8]! += 1 / COUNT
    const angle = (nearest * Math.PI) / 4
    return (x - 0.8 * Math.cos(angle)) ** 2 + (y - 0.8 * Math.sin(angle)) ** 2
  })
  for (const share of shares) expect(Math.abs(share - 1 / 8)).toBeLessThan(0.012)
  expect(mean(squares) / (2 * 0.05 ** 2)).toBeCloseTo(1, 1)
})

test('heart: fills the inside of its curve evenly', async () => {
  const points = await columns('heart')
  const { x, y } = points
  const curve = heartCurve(720)
  expectMoments(points, areaMoments(curve), 0.015)
  // Points on the curve itself may fall either side of the polygon.
  const outside = x.filter((value, item) => !isInside(curve, value, y[item]!))
  expect(outside.length / COUNT).toBeLessThan(0.001)
})

type Point = readonly [x: number, y: number]

function heartCurve(corners: number): Point[] {
  return Array.from({ length: corners }, (_, index) => {
    const t = (2 * Math.PI * index) / corners
    const y = 13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t)
    return [Math.sin(t) ** 3, (y + 2.5) / 16]
  })
}

/** Mean and mean square of both axes over the inside of a polygon, by Green's theorem. */
function areaMoments(polygon: readonly Point[]): number[] {
  const sums = [0, 0, 0, 0, 0]
  for (const [index, [x0, y0]] of polygon.entries()) {
    const [x1, y1] = polygon[(index + 1) % polygon.length]!
    const cross = x0 * y1 - x1 * y0
    const terms = [
      1 / 2,
      (x0 + x1) / 6,
      (y0 + y1) / 6,
      (x0 * x0 + x0 * x1 + x1 * x1) / 12,
      (y0 * y0 + y0 * y1 + y1 * y1) / 12,
    ]
    for (const [moment, term] of terms.entries()) sums[moment]! += term * cross
  }
  return sums.slice(1).map((sum) => sum / sums[0]!)
}

/** Whether a ray to the right crosses the polygon an odd number of times. */
function isInside(polygon: readonly Point[], x: number, y: number): boolean {
  let inside = false
  for (const [index, [x0, y0]] of polygon.entries()) {
    const [x1, y1] = polygon[(index + 1) % polygon.length]!
    if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside = !inside
  }
  return inside
}

test.each([
  [
    'moons',
    {},
    RangeError,
    'Expected kind to be one of two-moons, eight-gaussians, heart but received "moons" (string)',
  ],
  ['heart', { count: 0 }, RangeError, 'Expected count to be an integer from 1 to 67108864 but received 0'],
  ['heart', { count: '5' }, TypeError, 'received "5" (string)'],
  [
    'heart',
    { seed: -1 },
    RangeError,
    'Expected seed to be a whole number from 0 to 2^64 - 1 but received -1',
  ],
  ['heart', { seed: 1.5 }, RangeError, 'received 1.5'],
  ['heart', { seed: 2n ** 64n }, RangeError, 'received 18446744073709551616 (bigint)'],
  ['heart', { seed: 'a' }, TypeError, 'received "a" (string)'],
])('%s with %o is refused', async (kind, options, type, message) => {
  const failure = toy(kind as ToyKind, options as object)
  await expect(failure).rejects.toThrow(type)
  await expect(failure).rejects.toThrow(message)
})
