import type { Solver } from '../solver.js'
import { AdaptiveMultistep } from './adaptive-multistep.js'
import { Multistep } from './multistep.js'
import type { Path } from './path.js'
import { PredictorCorrector } from './predictor-corrector.js'
import { RungeKutta } from './runge-kutta.js'
import type { Stepper } from './stepper.js'

/** The stepper of a solver, for a path in what it steps in. */
export function createStepper(solver: Solver, path: Path): Stepper {
  if (path.isInTime && solver.kind !== 'rungeKutta') {
    throw new RangeError(
      "Expected a Runge-Kutta method (rk45, tsit5, bs23, rk4, heun, euler) in coordinates 'published': other solvers follow 'scaled' ones",
    )
  }
  const noisy =
    solver.kind === 'rungeKutta' ? solver.churn : solver.kind === 'multistep' && solver.method.noise
  if (noisy && !path.isGaussian) {
    throw new RangeError(
      `Expected a flow with Gaussian noise (edm, ve, vp, subvp) for ${solver.kind === 'multistep' ? `the solver ${solver.method.name}` : 'churn'}, which adds such noise`,
    )
  }
  if (solver.kind === 'predictorCorrector') return new PredictorCorrector(path, solver)
  if (solver.kind === 'rungeKutta') return new RungeKutta(path, solver)
  return solver.kind === 'multistep' ? new Multistep(path, solver) : new AdaptiveMultistep(path, solver)
}
