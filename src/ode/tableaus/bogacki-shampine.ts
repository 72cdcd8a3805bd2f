import type { Tableau } from './tableau.js'

/** Bogacki and Shampine, "A 3(2) pair of Runge-Kutta formulas", Appl. Math. Lett. 2 (1989): 4 stages. */
export const BOGACKI_SHAMPINE: Tableau = {
  name: 'bs23',
  order: 3,
  a: [[], [1 / 2], [0, 3 / 4], [2 / 9, 1 / 3, 4 / 9]],
  b: [2 / 9, 1 / 3, 4 / 9, 0],
  c: [0, 1 / 2, 3 / 4, 1],
  embedded: { e: [-5 / 72, 1 / 12, 1 / 9, -1 / 8], order: 2 },
  firstSameAsLast: true,
}
