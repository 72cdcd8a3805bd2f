import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pathBetween } from '../../../src/ode/steppers/path.js'
import { StepLimiter } from '../../../src/ode/steppers/step-limiter.js'
import { HEIGHT, LOG_HEIGHT } from '../../../src/ode/variable.js'

const height = fc.double({ min: 1e-3, max: 100, noNaN: true })
const problems = fc
  .record({ from: height, to: height, at: height, variable: fc.constantFrom(HEIGHT, LOG_HEIGHT) })
  .filter(({ from, to }) => Math.abs(Math.log(from / to)) > 1e-3)

describe('the step limiter', () => {
  it('every step is on one side of the jump, all its stages included, and the path arrives', () => {
    fc.assert(
      fc.property(problems, fc.integer({ min: 1, max: 5 }), ({ from, to, at, variable }, parts) => {
        const path = pathBetween(from, to, variable, { jump: { height: at, bothSides: false } })
        const limiter = new StepLimiter(path)
        const wanted = (path.end - path.start) / parts
        let time = path.start
        let steps = 0
        const sides: boolean[] = []
        while (time !== path.end) {
          expect(++steps).toBeLessThanOrEqual(parts + 2)
          const latest = limiter.latestEnd(time)
          const reaches = Math.abs(wanted) >= Math.abs(latest - time) * (1 - 1e-12)
          const end = reaches ? latest : time + wanted
          const isAbove = [0, 0.25, 0.5, 1].map(
            (share) => limiter.heightAt(time + share * (end - time), time) >= at,
          )
          expect(new Set(isAbove).size).toBe(1)
          sides.push(isAbove[0]!)
          time = end
        }
        // At most one change of sides, where the jump lies between.
        const changes = sides.slice(1).filter((side, i) => side !== sides[i]).length
        const between = Math.min(from, to) < at * (1 - 1e-9) && at < Math.max(from, to) * (1 - 1e-9)
        if (between) expect(changes).toBe(1)
        else expect(changes).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('without a jump lets steps go to the end', () => {
    const path = pathBetween(40, 1e-3, LOG_HEIGHT)
    const limiter = new StepLimiter(path)
    expect(limiter.barrier).toBeUndefined()
    expect(limiter.latestEnd(path.start)).toBe(path.end)
    expect(limiter.heightAt(Math.log(5), path.start)).toBe(Math.exp(Math.log(5)))
  })
})
