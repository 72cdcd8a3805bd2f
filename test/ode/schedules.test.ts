import { describe, expect, it } from 'vitest'
import { karrasHeights } from '../../src/ode/schedules/karras.js'
import { uniformInLogHeight } from '../../src/ode/schedules/uniform.js'

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
