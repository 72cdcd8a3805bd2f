import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { denoisedWeights, denseWeights } from '../../../src/ode/steppers/dense-output.js'
import { BOGACKI_SHAMPINE } from '../../../src/ode/tableaus/bogacki-shampine.js'
import { DORMAND_PRINCE } from '../../../src/ode/tableaus/dormand-prince.js'
import { EULER } from '../../../src/ode/tableaus/euler.js'
import { HEUN } from '../../../src/ode/tableaus/heun.js'
import { KUTTA } from '../../../src/ode/tableaus/kutta.js'
import type { Tableau } from '../../../src/ode/tableaus/tableau.js'
import { TSITOURAS } from '../../../src/ode/tableaus/tsitouras.js'
import { drift, growingOrDecaying, type LinearProblem, slope, solution } from '../linear-problem.js'

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** The drifts of one step from the exact solution at t. */
function stages({ a, c }: Tableau, problem: LinearProblem, t: number, h: number): number[] {
  const k: number[] = []
  for (const [i, row] of a.entries())
    k.push(drift(problem, t + c[i]! * h, solution(problem, t) + h * dot(row, k)))
  return k
}

/** Largest error within one step, over many places to begin at: at one alone its leading term may vanish. */
function errorWithin(tableau: Tableau, problem: LinearProblem, h: number): number {
  let largest = 0
  for (let i = 0; i < 10; i++) {
    const t = i / 10
    const k = stages(tableau, problem, t, h)
    for (const theta of [0.1, 0.3, 0.5, 0.7, 0.9]) {
      const x = solution(problem, t) + h * dot(denseWeights(tableau, theta), k)
      largest = Math.max(largest, Math.abs(x - solution(problem, t + theta * h)))
    }
  }
  return largest
}

describe('dense output', () => {
  const methods: [string, Tableau, number][] = [
    ['rk45, its own of order 4', DORMAND_PRINCE, 4],
    ['tsit5, cubic Hermite', TSITOURAS, 3],
    ['bs23, cubic Hermite', BOGACKI_SHAMPINE, 3],
    ['rk4, a parabola', KUTTA, 2],
    ['heun, a parabola', HEUN, 2],
    ['euler, a line', EULER, 1],
  ]
  it.each(methods)('%s', (_, tableau, order) => {
    fc.assert(
      fc.property(growingOrDecaying, (problem) => {
        const steps = [1 / 16, 1 / 24, 1 / 32, 1 / 48]
        const errors = steps.map((h) => errorWithin(tableau, problem, h))
        const shown = slope(errors, steps)
        expect(shown).toBeGreaterThan(order + 1 - 0.4)
        expect(shown).toBeLessThan(order + 1 + 0.7)
      }),
    )
  })

  it.each(methods)('%s: a step begins and ends where it should', (_, tableau) => {
    for (const weight of denseWeights(tableau, 0)) expect(weight).toBe(0)
    for (const [j, weight] of denseWeights(tableau, 1).entries())
      expect(weight).toBeCloseTo(tableau.b[j]!, 14)
  })

  it('the denoised image is x - dx / d(ln z), whatever the time is', () => {
    // x = 3 - 2 z + z^2 of one slot that is 1: d = x + 2 z - 2 z^2.
    const step = { end: 0, at: (z: number) => ({ ofX: 0, ofK: [3 - 2 * z + z * z] }) }
    const inLog = { end: 0, at: (time: number) => step.at(Math.exp(time)) }
    for (const z of [0.01, 1, 7]) {
      const expected = 3 - z * z
      const tolerance = 1e-7 * (3 + z * z)
      const { ofX, ofK } = denoisedWeights(step, z, (height) => height)
      expect(ofX).toBe(0)
      expect(Math.abs(ofK[0]! - expected)).toBeLessThan(tolerance)
      expect(Math.abs(denoisedWeights(inLog, z, Math.log).ofK[0]! - expected)).toBeLessThan(tolerance)
    }
  })
})
