import type { MultistepMethod } from './multistep-method.js'

/**
 * SDE-DPM-Solver++(2M) (arXiv 2211.01095, section 5): with lambda = -ln z, h = lambda' - lambda and the last step's size
 * r h, x' = (z'/z)^2 x + (1 - (z'/z)^2) ((1 + 1/(2r)) d_0 - 1/(2r) d_1) + z' sqrt(1 - (z'/z)^2) normals.
 */
export const SDE_DPM_SOLVER_2M: MultistepMethod = {
  name: 'sde-dpm2m',
  view: 'denoised',
  order: 2,
  corrects: false,
  weights(from, to, heights) {
    const kept = (to / from) ** 2
    const share = 1 - kept
    if (heights.length === 1) return { ofX: kept, ofKnown: [share] }
    const r = Math.log(heights[1]! / heights[0]!) / Math.log(from / to)
    return { ofX: kept, ofKnown: [share * (1 + 1 / (2 * r)), -share / (2 * r)] }
  },
  noise: (from, to) => to * Math.sqrt(1 - (to / from) ** 2),
}
