import type { Solver } from '../solver.js'
import { AdaptiveMultistep } from './adaptive-multistep.js'
import { Multistep } from './multistep.js'
import type { Path } from './path.js'
import { RungeKutta } from './runge-kutta.js'
import type { Stepper } from './stepper.js'

/** The stepper of a solver, for a path in what it steps in. */
export function createStepper(solver: Solver, path: Path): Stepper {
  if (solver.kind === 'rungeKutta') return new RungeKutta(path, solver)
  return solver.kind === 'multistep' ? new Multistep(path, solver) : new AdaptiveMultistep(path, solver)
}
