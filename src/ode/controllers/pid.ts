import type { StepController } from './controller.js'
import { digitalFilter } from './digital-filter.js'

/** PID control, the constants of Kennedy and Carpenter, Appl. Numer. Math. 44 (2003), section 4. */
export function pidController(): StepController {
  return digitalFilter([0.58, -0.21, 0.1])
}
