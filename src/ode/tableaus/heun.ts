import type { Tableau } from './tableau.js'

/** Heun's method, the explicit trapezoidal rule. */
export const HEUN: Tableau = {
  name: 'heun',
  order: 2,
  a: [[], [1]],
  b: [1 / 2, 1 / 2],
  c: [0, 1],
  firstSameAsLast: false,
}
