import type { Model } from '../model/model.js'
import { type Solver, solverByName } from '../ode/solver.js'
import { type SolverOptions, solverOptions } from '../ode/solver-options.js'
import { type SearchOptions, searchSchedule } from './schedule-search.js'
import { type ChosenSolver, chooseSolver, type SolverGoal } from './solver-choice.js'

/** The solver for a path from a height to the near end: what it needs to be searched or measured for a model is so first. */
export async function preparedSolver(
  model: Model,
  wanted: SolverOptions | SolverGoal,
  height: number,
  search: SearchOptions,
): Promise<{ solver: Solver; chosen?: ChosenSolver }> {
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
    const { solver } = await preparedSolver(model, solverOptions(chosen.settings), height, {})
    return { solver, chosen }
  }
  if (wanted.schedule !== 'searched') return { solver: solverByName(wanted, height, near.height) }
  if (height !== far.height) {
    throw new RangeError(
      `Expected schedule to be uniform or karras for paths from height ${height} but received searched, whose heights begin at ${far.name}, ${far.height}`,
    )
  }
  const { heights } = await searchSchedule(model, wanted, search)
  return { solver: solverByName(wanted, height, near.height, Float64Array.from(heights)) }
}
