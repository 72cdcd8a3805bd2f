import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crossing, line, placeAt, wayAt, within } from '../../src/page/training/geometry.js'

/** A path straight down over a place, at heights that fall by halves. */
const heights = Array.from({ length: 12 }, (_, i) => 8 / 2 ** i)
const above = (x: number, y: number) => heights.flatMap(() => [x, y])

/** A level whose ways are a linear function of the place, which is between grid places what it is on them. */
function linear(extent: number, side: number, way: (x: number, y: number) => [number, number]) {
  const at = (i: number) => extent * ((2 * i) / (side - 1) - 1)
  const ways = Array.from({ length: side ** 2 }, (_, i) => way(at(i % side), at(Math.floor(i / side)))).flat()
  return { height: 1, extent, side, ways }
}

describe('a path', () => {
  it('begins where it comes near, and knows how long it is', () => {
    const { places, lengths } = within(above(0.5, 0), heights, 2)
    expect(places[0]).toEqual([0.5, 0, 1])
    expect(lengths[0]).toBe(0)
    expect(lengths.at(-1)).toBeCloseTo(1 - heights.at(-1)!, 12)
    expect(within(above(50, 0), heights, 2).places).toEqual([])
  })

  it('is followed at its length, and not beyond its ends', () => {
    const path = within(above(0.5, 0), heights, 2)
    fc.assert(
      fc.property(fc.double({ min: -1, max: 3, noNaN: true }), (length) => {
        const [x, y, z] = placeAt(path, length)
        expect([x, y]).toEqual([0.5, 0])
        expect(z).toBeCloseTo(Math.max(heights.at(-1)!, Math.min(1, 1 - length)), 9)
      }),
    )
  })

  it('crosses a plane between its places', () => {
    const flat = heights.flatMap((height) => [Math.log(height), -Math.log(height)])
    for (const height of [8, 5, 1, 0.3]) {
      const [x, y] = crossing(flat, heights, height)
      expect(x).toBeCloseTo(Math.log(height), 9)
      expect(y).toBeCloseTo(-Math.log(height), 9)
    }
    expect(crossing(flat, heights, 1e-9)).toEqual(flat.slice(-2))
    expect(crossing(flat, heights, 100)).toEqual(flat.slice(0, 2))
  })
})

describe('ways across a level', () => {
  const place = fc.double({ min: -2, max: 2, noNaN: true })

  it('are those of the grid, and between its places in between', () => {
    const level = linear(2, 9, (x, y) => [1 + x - 2 * y, 3 * y])
    fc.assert(
      fc.property(place, place, (x, y) => {
        const [wayX, wayY] = wayAt(level, x, y)
        // At the far edge the last cell is taken a thousandth inside.
        expect(Math.abs(wayX - (1 + x - 2 * y))).toBeLessThan(2e-3)
        expect(Math.abs(wayY - 3 * y)).toBeLessThan(2e-3)
      }),
    )
    for (const far of [-9, 9, Number.MAX_VALUE])
      for (const way of wayAt(level, far, far)) expect(way).not.toBeNaN()
  })

  it('are drawn as lines along them, of a length that has an end', () => {
    const inwards = linear(2, 9, (x, y) => [-x, -y])
    fc.assert(
      fc.property(place, place, (x, y) => {
        const places = line(inwards, x, y)
        const norms = places.map((each) => Math.hypot(...each))
        expect(norms).toEqual([...norms].sort((a, b) => b - a))
        expect(norms[0]! - norms.at(-1)!).toBeLessThanOrEqual(0.5 * 2 + 1e-9)
      }),
    )
  })
})
