import type { StepController } from './controller.js'
import { digitalFilter } from './digital-filter.js'

/**
 * The elementary controller of Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I", II.4, with the
 * constants of scipy's `solve_ivp`.
 */
export function integralController(): StepController {
  return digitalFilter([1])
}
