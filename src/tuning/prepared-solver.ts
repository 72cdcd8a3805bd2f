import { type Solver, solverByName } from '../ode/solver.js'
import { type SolverOptions, solverOptions } from '../ode/solver-options.js'
import type { PoissonFlow, SampleOptions } from '../poisson-flow.js'
import { searchSchedule } from './schedule-search.js'
import { type ChosenSolver, chooseSolver, type SolverGoal } from './solver-choice.js'

/** The solver for a path from a height down to z_min: what it needs to be searched or measured for a model is so first. */
export async function preparedSolver(
  model: PoissonFlow,
  wanted: SolverOptions | SolverGoal,
  height: number,
  { signal, onSearch }: Pick<SampleOptions, 'signal' | 'onSearch'>,
): Promise<{ solver: Solver; chosen?: ChosenSolver }> {
  const { zMin, zMax } = model.config.flow
  const search = { signal, onProgress: onSearch }
  if (wanted.solver === 'auto') {
    if (height !== zMax) {
      throw new RangeError(
        `Expected solver to be named for paths from height ${height} but received auto, which is measured from z_max, ${zMax}`,
      )
    }
    const chosen = await chooseSolver(model, wanted, search)
    const { solver } = await preparedSolver(model, solverOptions(chosen.settings), height, {})
    return { solver, chosen }
  }
  if (wanted.schedule !== 'searched') return { solver: solverByName(wanted, height, zMin) }
  if (height !== zMax) {
    throw new RangeError(
      `Expected schedule to be uniform or karras for paths from height ${height} but received searched, whose heights begin at z_max, ${zMax}`,
    )
  }
  const { heights } = await searchSchedule(model, wanted, search)
  return { solver: solverByName(wanted, height, zMin, Float64Array.from(heights)) }
}
