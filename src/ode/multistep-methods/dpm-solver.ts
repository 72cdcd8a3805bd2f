import { interpolatoryWeights } from './interpolation.js'
import type { MultistepMethod, Weights } from './multistep-method.js'

/**
 * DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2): with lambda = -ln z, h = lambda' - lambda and the last step's size
 * r h, x' = (z'/z) x + (1 - z'/z) ((1 + 1/(2r)) d_0 - 1/(2r) d_1) in the denoised values d.
 */
export const DPM_SOLVER_2M: MultistepMethod = {
  name: 'dpm2m',
  view: 'denoised',
  order: 2,
  corrects: false,
  weights(from, to, heights) {
    const share = 1 - to / from
    if (heights.length === 1) return { ofX: to / from, ofKnown: [share] }
    const r = Math.log(heights[1]! / heights[0]!) / Math.log(from / to)
    return { ofX: to / from, ofKnown: [share * (1 + 1 / (2 * r)), (-share * 1) / (2 * r)] }
  },
}

/**
 * DPM-Solver++(3M), the family's multistep method of third order as its authors' code steps: the denoised value as a
 * parabola in lambda through the last three, integrated exactly but for half the curvature's share. Half of it is too
 * little for third order (errors shrink as h^2), but long first steps overshoot far less than with all of it.
 */
export const DPM_SOLVER_3M: MultistepMethod = {
  name: 'dpm3m',
  view: 'denoised',
  order: 3,
  corrects: false,
  weights: (from, to, heights) => exponentialWeights(from, to, heights, 2),
}

/**
 * UniPC (arXiv 2302.04867, algorithm 1), here with the exact integral for the paper's B(h): the denoised value as a
 * polynomial in lambda = -ln z through what is known, integrated exactly, x' = (z'/z) x + integral over lambda of
 * e^-(lambda' - lambda) d, and once more with the value at the state that this predicts.
 * @param damping the terms from the parabola's on count 1 / (1 + damping h^2) of their share: as much as the order needs
 *   where steps are short, and little where they are long and would overshoot
 */
export function unipc(name: string, order: number, damping = 0): MultistepMethod {
  return {
    name,
    view: 'denoised',
    order,
    corrects: true,
    weights: (from, to, heights) =>
      exponentialWeights(from, to, heights, 1 + damping * Math.log(from / to) ** 2),
  }
}

/**
 * x' = (z'/z) x + integral over lambda = -ln z of e^-(lambda' - lambda) d, d a polynomial in lambda through the values
 * known at heights, whose powers from the second on count so many times less.
 */
function exponentialWeights(from: number, to: number, heights: readonly number[], less: number): Weights {
  const h = Math.log(from / to)
  const nodes = heights.map((height) => Math.log(from / height) / h)
  const moments = exponentialMoments(h, nodes.length).map((moment, k) => (k < 2 ? moment : moment / less))
  return { ofX: to / from, ofKnown: interpolatoryWeights(nodes, moments) }
}

/** h times the integral over theta from 0 to 1 of e^(-h (1 - theta)) theta^k, k = 0, ..., count - 1. */
export function exponentialMoments(h: number, count: number): number[] {
  return Array.from({ length: count }, (_, k) => {
    if (h > 1) return byParts(h, k)
    // k! sum_n (-h)^n / (n + k + 1)!, since the recursion cancels where h is small.
    let term = h / (k + 1)
    let sum = 0
    for (let n = 1; n < 24 && sum + term !== sum; n++) {
      sum += term
      term *= -h / (n + k + 1)
    }
    return sum
  })
}

function byParts(h: number, k: number): number {
  return k === 0 ? -Math.expm1(-h) : 1 - (k / h) * byParts(h, k - 1)
}
