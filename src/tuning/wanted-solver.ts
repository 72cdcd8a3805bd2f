import type { Model } from '../model/model.js'
import { type SamplingOptions, usualSolver } from '../model/sample.js'
import type { SolverOptions } from '../ode/solver-options.js'
import { type SolverGoal, type SolverRequest, solverOrGoal } from './solver-choice.js'

/** What follows the paths of a sampling whose options were parsed: the solver that is named, or the usual one. */
export function wantedSolver(
  model: Model,
  options: SolverRequest & Pick<SamplingOptions, 'batchTolerance' | 'publishedEpsilon'>,
): SolverOptions | SolverGoal {
  const named = options.solver !== undefined || options.solverTable !== undefined
  return solverOrGoal(named ? options : { ...options, ...usualSolver(model, options) })
}
