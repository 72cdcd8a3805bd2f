import type { Tableau } from '../tableaus/tableau.js'
import type { SlotWeights } from './slot-weights.js'

/** A step as a path between its ends. */
export interface Interpolant {
  /** Time at the step's end. */
  readonly end: number
  /** The weights of the state at the step's beginning, and of what the slots keep, in the state at a time. */
  at(time: number): SlotWeights
  /** Those of the denoised image, where it is the same all along the step. */
  readonly denoised?: SlotWeights
}

/**
 * A Runge-Kutta method's weights b_j(theta) of its stages in (x(t + theta h) - x(t)) / h, theta from 0 to 1. Where the
 * drift at the step's end is known, the cubic Hermite polynomial of both ends, bettered by theta^2 (1 - theta)^2 sum_j
 * d_j k_j where the method has such d (Hairer, Norsett and Wanner, II.6); else the parabola through both ends with the
 * first stage's slope.
 */
export function denseWeights({ b, dense, firstSameAsLast }: Tableau, theta: number): number[] {
  const left = 1 - theta
  if (!firstSameAsLast) return b.map((weight, j) => theta ** 2 * weight + (j === 0 ? theta * left : 0))
  const last = b.length - 1
  return b.map((weight, j) => {
    const ofEnd = theta ** 2 * (3 - 2 * theta) * weight
    const ofSlopes = (j === 0 ? theta * left ** 2 : 0) - (j === last ? theta ** 2 * left : 0)
    return ofEnd + ofSlopes + (theta * left) ** 2 * (dense?.[j] ?? 0)
  })
}

/** Half the distance in ln z over which a path is differentiated: its error is of the order of the square. */
const DELTA = 1e-4

/** Weights of the denoised image d = x - dx / d(ln z) of a step's path, whose height is a function of time. */
export function denoisedWeights(
  { at }: Interpolant,
  height: number,
  toTime: (height: number) => number,
): SlotWeights {
  const here = at(toTime(height))
  const [above, below] = [at(toTime(height * Math.exp(DELTA))), at(toTime(height * Math.exp(-DELTA)))]
  const slope = (up: number, down: number) => (up - down) / (2 * DELTA)
  return {
    ofX: here.ofX - slope(above.ofX, below.ofX),
    ofK: here.ofK.map((weight, j) => weight - slope(above.ofK[j]!, below.ofK[j]!)),
  }
}
