import type { StepController } from './controller.js'
import { integralController } from './controllers/integral.js'
import { uniformInLogHeight } from './schedule.js'
import type { Tableau } from './tableau.js'
import { DORMAND_PRINCE } from './tableaus/dormand-prince.js'
import { EULER } from './tableaus/euler.js'
import { HEUN } from './tableaus/heun.js'
import { HEIGHT, LOG_HEIGHT, type Variable } from './variable.js'

/** Steps whose size follows their error. */
export interface AdaptiveSteps {
  readonly kind: 'adaptive'
  readonly controller: StepController
  readonly rtol: number
  readonly atol: number
}

/** Steps along given heights. */
export interface FixedSteps {
  readonly kind: 'fixed'
  readonly heights: Float64Array
}

/** A method, what it steps in, and how its steps are chosen. */
export interface Solver {
  readonly tableau: Tableau
  readonly variable: Variable
  readonly steps: AdaptiveSteps | FixedSteps
  /** A one-stage method for the last step, where a second stage would be evaluated at the data. */
  readonly lastStep?: Tableau
}

export const SOLVERS = ['rk45', 'heun', 'euler'] as const
export type SolverName = (typeof SOLVERS)[number]

export interface SolverOptions {
  /** Relative and absolute tolerance of rk45. */
  rtol: number
  atol: number
  /** Number of steps of heun and euler, evenly spaced in ln z. */
  steps: number
}

/** A solver by name, for a path from one height to another. */
export function solverByName(name: SolverName, from: number, to: number, options: SolverOptions): Solver {
  if (name === 'rk45') {
    const { rtol, atol } = options
    return {
      tableau: DORMAND_PRINCE,
      variable: LOG_HEIGHT,
      steps: { kind: 'adaptive', controller: integralController(), rtol, atol },
    }
  }
  const steps: FixedSteps = { kind: 'fixed', heights: uniformInLogHeight(from, to, options.steps) }
  return name === 'heun'
    ? { tableau: HEUN, variable: HEIGHT, steps, lastStep: EULER }
    : { tableau: EULER, variable: HEIGHT, steps }
}
