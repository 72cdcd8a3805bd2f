import type { StepController } from '../controller.js'

/**
 * The elementary controller of Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I", II.4, with the
 * constants of scipy's `solve_ivp`.
 */
export function integralController(
  constants: { safety?: number; smallest?: number; largest?: number } = {},
): StepController {
  const { safety = 0.9, smallest = 0.2, largest = 10 } = constants
  return {
    decide(error, order, rejected) {
      const ideal = safety * error ** (-1 / (order + 1))
      if (error < 1) return { accepted: true, factor: Math.min(rejected ? 1 : largest, ideal) }
      return { accepted: false, factor: Number.isFinite(error) ? Math.max(smallest, ideal) : smallest }
    },
  }
}
