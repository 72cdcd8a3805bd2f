import type { Model } from '../model/model.js'
import { type Solver, solverByName } from '../ode/solver.js'
import { hasOrder, type SolverOptions, solverOptions } from '../ode/solver-options.js'
import { type SearchOptions, searchSchedule } from './schedule-search.js'
import { type ChosenSolver, chooseSolver, type SolverGoal } from './solver-choice.js'

/**
 * The solver for a path from a height to the near end, and the settings that it has: what it needs to be searched or
 * measured for a model is so first.
 */
export async function preparedSolver(
  model: Model,
  wanted: SolverOptions | SolverGoal,
  height: number,
  search: SearchOptions,
): Promise<{ solver: Solver; settings: SolverOptions; chosen?: ChosenSolver }> {
  const { near, far } = model.flow
  if (wanted.solver === 'auto') {
    if (model.flow.isInTime) {
      throw new RangeError("Expected solver to be named in coordinates 'published' but received auto")
    }
    if (height !== far.height) {
      throw new RangeError(
        `Expected solver to be named for paths from height ${height} but received auto, which is measured from ${far.name}, ${far.height}`,
      )
    }
    const chosen = await chooseSolver(model, wanted, search)
    return { ...(await preparedSolver(model, solverOptions(chosen.settings), height, {})), chosen }
  }
  const settings = wanted
  if (settings.schedule !== 'searched') {
    return { solver: solverByName(settings, height, near.height), settings }
  }
  if (height !== far.height) {
    throw new RangeError(
      `Expected schedule to be uniform or karras for paths from height ${height} but received searched, whose heights begin at ${far.name}, ${far.height}`,
    )
  }
  const { solver, steps, order } = settings
  const searched = { solver, steps, ...(hasOrder(solver) && { order }) }
  const { heights } = await searchSchedule(model, searched, search)
  return { solver: solverByName(settings, height, near.height, Float64Array.from(heights)), settings }
}
