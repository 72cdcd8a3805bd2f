import type { StepController } from './controller.js'
import { digitalFilter } from './digital-filter.js'

/** PI control, the constants of Hairer and Wanner, "Solving Ordinary Differential Equations II", IV.2 (Gustafsson). */
export function proportionalIntegralController(): StepController {
  return digitalFilter([0.7, -0.4])
}
