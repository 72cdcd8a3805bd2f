import { type Solver, solverByName } from './ode/solver.js'
import type { SolverOptions } from './ode/solver-options.js'
import type { PoissonFlow, SampleOptions } from './poisson-flow.js'
import { searchSchedule } from './schedule-search.js'

/** The solver for a path from a height down to z_min: what it needs to be searched for a model is searched first. */
export async function preparedSolver(
  model: PoissonFlow,
  options: SolverOptions,
  height: number,
  { signal, onSearch }: Pick<SampleOptions, 'signal' | 'onSearch'>,
): Promise<Solver> {
  const { zMin, zMax } = model.config.flow
  if (options.schedule !== 'searched') return solverByName(options, height, zMin)
  if (height !== zMax) {
    throw new RangeError(
      `Expected schedule to be uniform or karras for paths from height ${height} but received searched, whose heights begin at z_max, ${zMax}`,
    )
  }
  const { heights } = await searchSchedule(model, options, { signal, onProgress: onSearch })
  return solverByName(options, height, zMin, Float64Array.from(heights))
}
