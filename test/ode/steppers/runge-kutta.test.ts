import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StepController } from '../../../src/ode/controllers/controller.js'
import { integralController } from '../../../src/ode/controllers/integral.js'
import { pidController } from '../../../src/ode/controllers/pid.js'
import { proportionalIntegralController } from '../../../src/ode/controllers/proportional-integral.js'
import { BOGACKI_SHAMPINE } from '../../../src/ode/tableaus/bogacki-shampine.js'
import { DORMAND_PRINCE } from '../../../src/ode/tableaus/dormand-prince.js'
import { EULER } from '../../../src/ode/tableaus/euler.js'
import { HEUN } from '../../../src/ode/tableaus/heun.js'
import { KUTTA } from '../../../src/ode/tableaus/kutta.js'
import type { Tableau } from '../../../src/ode/tableaus/tableau.js'
import { TSITOURAS } from '../../../src/ode/tableaus/tsitouras.js'
import {
  decaying,
  drift,
  growingOrDecaying,
  type LinearProblem,
  slope,
  solution,
  stiff,
} from '../linear-problem.js'

const TABLEAUS = [EULER, HEUN, BOGACKI_SHAMPINE, KUTTA, DORMAND_PRINCE, TSITOURAS]
const EMBEDDED = [BOGACKI_SHAMPINE, DORMAND_PRINCE, TSITOURAS]
const byName = (tableaus: Tableau[]) => tableaus.map((tableau) => [tableau.name, tableau] as const)

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** One step, and its error estimate. */
function step(
  { a, b, c, embedded }: Tableau,
  problem: LinearProblem,
  t: number,
  x: number,
  h: number,
): { next: number; estimate: number } {
  const k: number[] = []
  for (const [i, row] of a.entries()) k.push(drift(problem, t + c[i]! * h, x + h * dot(row, k)))
  return { next: x + h * dot(b, k), estimate: embedded ? h * dot(embedded.e, k) : Number.NaN }
}

/** Largest error over [0, 1] in n equal steps. */
function largestError(tableau: Tableau, problem: LinearProblem, n: number): number {
  let x = solution(problem, 0)
  let largest = 0
  for (let i = 0; i < n; i++) {
    x = step(tableau, problem, i / n, x, 1 / n).next
    largest = Math.max(largest, Math.abs(x - solution(problem, (i + 1) / n)))
  }
  return largest
}

function shownOrder(tableau: Tableau, problem: LinearProblem, counts: number[]): number {
  // With the transient's sign changed too: the errors of transient and forcing may cancel in one of the two.
  const errors = counts.map((n) =>
    Math.max(largestError(tableau, problem, n), largestError(tableau, { ...problem, c: -problem.c }, n)),
  )
  return slope(
    errors,
    counts.map((n) => 1 / n),
  )
}

describe('Runge-Kutta methods', () => {
  it.each(byName(TABLEAUS))('%s shows its order on linear problems', (_, tableau) => {
    fc.assert(
      fc.property(growingOrDecaying, (problem) => {
        expect(shownOrder(tableau, problem, [24, 32, 48, 64])).toBeGreaterThan(tableau.order - 0.5)
      }),
    )
  })

  it.each(byName(TABLEAUS))('%s shows its order on stiff problems once they are stable', (_, tableau) => {
    fc.assert(
      fc.property(stiff, (problem) => {
        expect(shownOrder(tableau, problem, [160, 200, 256, 320])).toBeGreaterThan(tableau.order - 0.5)
      }),
    )
  })

  it.each(byName(EMBEDDED))('the error estimate of %s is of its order', (_, tableau) => {
    fc.assert(
      fc.property(growingOrDecaying, (problem) => {
        const steps = [1 / 16, 1 / 24, 1 / 32, 1 / 48]
        // The largest over places: at one alone the estimate may be near a zero.
        const errors = steps.map((h) =>
          Math.max(
            ...Array.from({ length: 20 }, (_, i) =>
              Math.abs(step(tableau, problem, i / 20, solution(problem, i / 20), h).estimate),
            ),
          ),
        )
        const order = tableau.embedded!.order + 1
        expect(slope(errors, steps)).toBeGreaterThan(order - 0.4)
        expect(slope(errors, steps)).toBeLessThan(order + 0.7)
      }),
    )
  })

  it.each(byName(TABLEAUS))('%s evaluates its stages where their weights say', (_, { a, b, c }) => {
    for (const [i, row] of a.entries()) expect(row.reduce((sum, w) => sum + w, 0)).toBeCloseTo(c[i]!, 13)
    expect(b.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 14)
  })
})

describe('step-size controllers', () => {
  const controllers: [string, () => StepController][] = [
    ['I', integralController],
    ['PI', proportionalIntegralController],
    ['PID', pidController],
  ]

  /** Several problems share their steps, by the root mean square of their errors: one alone has zeros of its estimate. */
  function integrate(
    controller: StepController,
    tableau: Tableau,
    problems: LinearProblem[],
    tolerance: number,
  ) {
    let [t, h, error, accepted, rejected] = [0, 0.01, 0, 0, 0]
    let x = problems.map((problem) => solution(problem, 0))
    let errors: number[] = []
    let again = false
    while (t < 2 && accepted + rejected < 5000) {
      h = Math.min(h, 2 - t)
      const tries = problems.map((problem, i) => step(tableau, problem, t, x[i]!, h))
      const square = tries.reduce((sum, { estimate }) => sum + (estimate / tolerance) ** 2, 0)
      const history = [Math.sqrt(square / tries.length), ...errors]
      const decision = controller.decide(history, tableau.embedded!.order, again)
      again = !decision.accepted
      if (decision.accepted) {
        t += h
        x = tries.map(({ next }) => next)
        errors = history.slice(0, controller.memory)
        for (const [i, problem] of problems.entries()) {
          error = Math.max(error, Math.abs(x[i]! - solution(problem, t)))
        }
        accepted++
      } else rejected++
      h *= decision.factor
    }
    return { t, error, accepted, rejected }
  }

  const mixtures = fc.array(fc.oneof(decaying, stiff), { minLength: 8, maxLength: 8 })

  it.each(controllers)('%s arrives, with an error of about the tolerance', (_, controller) => {
    fc.assert(
      fc.property(mixtures, fc.constantFrom(...EMBEDDED), (problems, tableau) => {
        const run = integrate(controller(), tableau, problems, 1e-6)
        expect(run.t).toBe(2)
        expect(run.error).toBeLessThan(1e-4)
        expect(run.rejected).toBeLessThan(run.accepted)
      }),
    )
  })

  it('PI rejects fewer steps than I where stability limits them', () => {
    const problem = { lambda: -400, omega: 1, phase: 0, c: 1 }
    const i = integrate(integralController(), DORMAND_PRINCE, [problem], 1e-4)
    const pi = integrate(proportionalIntegralController(), DORMAND_PRINCE, [problem], 1e-4)
    expect(pi.rejected).toBeLessThan(i.rejected / 2)
  })
})
