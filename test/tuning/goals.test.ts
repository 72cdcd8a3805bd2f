import { describe, expect, it } from 'vitest'
import type { ErrorFigures } from '../../src/tuning/error-figures.js'
import { adaptiveUnipc, measureSolvers } from '../../src/tuning/solver-comparison.js'
import { publishedFlow } from '../published-flow.js'

const GREY_LEVEL = 1 / 255

describe.skipIf(!process.env.PFGM_LONG)(
  'adaptive-unipc from 256 fresh starts of the published network (a minute: npm run test:long)',
  () => {
    it('has the error that is wanted at the evaluations that are allowed', async () => {
      const goals: [number, number, keyof ErrorFigures, number][] = [
        [0.044, 12, 'median', GREY_LEVEL],
        [0.0207, 15, 'mean', GREY_LEVEL],
        [0.00525, 25, 'percentile99', GREY_LEVEL],
        [0.00095, 50, 'mean', 0.0001],
      ]
      using flow = await publishedFlow()
      const runs = goals.map(([rtol]) => adaptiveUnipc(rtol))
      const { points } = await measureSolvers(flow, runs, { count: 256, seed: 0 })
      for (const [i, [, evaluations, figure, error]] of goals.entries()) {
        const point = points[i]!
        console.log(
          `${point.evaluations.toFixed(2)} evaluations: mean ${point.mean.toFixed(5)}, median ${point.median.toFixed(5)}, 99 % ${point.percentile99.toFixed(5)}`,
        )
        expect(point.evaluations).toBeLessThanOrEqual(evaluations)
        expect(point[figure]).toBeLessThan(error)
      }
    })
  },
)
