import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { karrasHeights } from '../../src/ode/schedules/karras.js'
import { uniformInLogHeight } from '../../src/ode/schedules/uniform.js'
import { leastCostWay, warpedHeights } from '../../src/tuning/searched-heights.js'

describe('schedules', () => {
  it('both ends are exact and heights fall', () => {
    for (const heights of [uniformInLogHeight(37.3, 1e-3, 17), karrasHeights(37.3, 1e-3, 17, 7)]) {
      expect([heights.length, heights[0], heights[17]]).toEqual([18, 37.3, 1e-3])
      for (let i = 0; i < 17; i++) expect(heights[i + 1]).toBeLessThan(heights[i]!)
    }
  })

  it('Karras heights are those of the published EDM sampler, 18 steps from 80 to 0.002', () => {
    const heights = karrasHeights(80, 0.002, 17, 7)
    for (const [i, expected] of [80, 57.586, 40.785, 28.375, 19.352].entries()) {
      expect(heights[i]).toBeCloseTo(expected, 2)
    }
    expect(heights[16]).toBeCloseTo(0.0075, 3)
  })

  it('a large rho tends to heights uniform in ln z', () => {
    const [uniform, karras] = [uniformInLogHeight(40, 1e-3, 10), karrasHeights(40, 1e-3, 10, 1e6)]
    for (const [i, height] of karras.entries()) expect(height / uniform[i]!).toBeCloseTo(1, 3)
  })
})

describe('the way of least cost', () => {
  const problem = fc
    .record({
      candidates: fc.integer({ min: 3, max: 7 }),
      seed: fc.array(fc.nat(999), { minLength: 400, maxLength: 400 }),
    })
    .chain(({ candidates, seed }) =>
      fc.record({
        candidates: fc.constant(candidates),
        seed: fc.constant(seed),
        steps: fc.integer({ min: 1, max: candidates - 1 }),
      }),
    )

  it('is the cheapest of all ways', () => {
    fc.assert(
      fc.property(problem, ({ candidates, seed, steps }) => {
        const cost = (before = 7, from: number, to: number) => seed[(before * 8 + from) * 6 + to - 1]! + 1
        const total = (way: readonly number[]) =>
          way.slice(1).reduce((sum, to, i) => sum + cost(way[i - 1], way[i]!, to), 0)
        const way = leastCostWay(candidates, steps, cost)
        const all = waysTo(candidates - 1, steps)
        expect(all).toContainEqual(way)
        expect(total(way)).toBe(Math.min(...all.map(total)))
      }),
    )
  })
})

/** All rising ways of so many steps from 0 to a place. */
function waysTo(last: number, steps: number): number[][] {
  if (steps === 1) return [[0, last]]
  return Array.from({ length: last }, (_, from) => from)
    .filter((from) => from >= steps - 1)
    .flatMap((from) => waysTo(from, steps - 1).map((way) => [...way, last]))
}

describe('warped heights', () => {
  const base = karrasHeights(30, 1e-3, 12, 7)

  it('without waves are the base, whatever its number of heights', () => {
    const same = warpedHeights(base, 12, [0, 0])!
    for (const [i, height] of same.entries()) expect(height / base[i]!).toBeCloseTo(1, 12)
    const every = warpedHeights(base, 4, [])!
    for (const [i, height] of every.entries()) expect(height / base[3 * i]!).toBeCloseTo(1, 12)
  })

  it('keep their ends and fall, or are none', () => {
    const waves = fc.array(fc.double({ min: -0.3, max: 0.3, noNaN: true }), { maxLength: 4 })
    fc.assert(
      fc.property(waves, fc.integer({ min: 1, max: 30 }), (bends, steps) => {
        const heights = warpedHeights(base, steps, bends)
        if (heights === undefined) {
          expect(bends.some((bend) => bend !== 0)).toBe(true)
          return
        }
        expect([heights[0], heights[steps]]).toEqual([30, 1e-3])
        for (let i = 0; i < steps; i++) expect(heights[i + 1]).toBeLessThan(heights[i]!)
      }),
    )
  })
})
