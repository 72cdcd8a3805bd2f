import type { Tableau } from './tableau.js'

/** Euler's method. */
export const EULER: Tableau = { name: 'euler', order: 1, a: [[]], b: [1], c: [0], firstSameAsLast: false }
