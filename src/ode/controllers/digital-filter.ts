import type { StepController } from './controller.js'

/**
 * Söderlind, "Digital filters in adaptive time-stepping", ACM Trans. Math. Softw. 29 (2003): the next step is
 * h safety prod_i error_i^(-beta_i / (order + 1)), errors newest first. A rejected step is judged by its own error
 * alone, as is one without errors before it.
 */
export function digitalFilter(
  beta: readonly number[],
  constants: { safety?: number; smallest?: number; largest?: number } = {},
): StepController {
  const { safety = 0.9, smallest = 0.2, largest = 10 } = constants
  return {
    memory: beta.length - 1,
    decide(errors, order, rejected) {
      const error = errors[0]!
      const exponent = -1 / (order + 1)
      if (error < 1) {
        const filtered = errors.length >= beta.length
        const product = filtered
          ? beta.reduce((total, power, i) => total * Math.max(errors[i]!, 1e-10) ** power, 1)
          : error
        return { accepted: true, factor: Math.min(rejected ? 1 : largest, safety * product ** exponent) }
      }
      const ideal = safety * error ** exponent
      return { accepted: false, factor: Number.isFinite(error) ? Math.max(smallest, ideal) : smallest }
    },
  }
}
