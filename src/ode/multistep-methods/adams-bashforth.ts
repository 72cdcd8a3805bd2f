import { interpolatoryWeights } from './interpolation.js'
import type { MultistepMethod } from './multistep-method.js'

/** Adams-Bashforth weights for equal steps, newest drift first. */
const EQUAL_STEPS = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
] as const

/**
 * iPNDM (arXiv 2204.13902, section 3.4, after the pseudo numerical methods of arXiv 2202.09778): Adams-Bashforth in z
 * with the weights of equal steps whatever the steps are, and lower orders to begin with.
 * @param order 1 to 4
 */
export function ipndm(order: number): MultistepMethod {
  return {
    name: 'ipndm',
    view: 'height',
    order,
    corrects: false,
    weights(from, to, heights) {
      return { ofX: 1, ofKnown: EQUAL_STEPS[heights.length - 1]!.map((weight) => (to - from) * weight) }
    },
  }
}

/**
 * tAB-DEIS (arXiv 2204.13902, section 3.3): the drift dx/dz extrapolated by a polynomial in z, which is integrated
 * exactly over unequal steps. With noise that grows as z does, as here, that is Adams-Bashforth with variable steps.
 * @param order 1 to 4
 */
export function deis(order: number): MultistepMethod {
  return {
    name: 'deis',
    view: 'height',
    order,
    corrects: false,
    weights(from, to, heights) {
      const h = to - from
      const nodes = heights.map((height) => (height - from) / h)
      const moments = nodes.map((_, k) => h / (k + 1))
      return { ofX: 1, ofKnown: interpolatoryWeights(nodes, moments) }
    },
  }
}
