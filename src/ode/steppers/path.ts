import type { Jump } from '../../flow/flow.js'
import type { Variable } from '../variable.js'

/** The way that samples go, in what a method steps in. */
export interface Path {
  readonly variable: Variable
  /** Times of the ends, and the sign of the way. */
  readonly start: number
  readonly end: number
  readonly direction: number
  /** Where steps may not go across; undefined where they may. */
  readonly jump: Jump | undefined
  /** Whether it ends in what is denoised at its end: then the last step needs no special care for the data's nearness. */
  readonly endsDenoised: boolean
}

/** The path from one height to another. */
export function pathBetween(
  from: number,
  to: number,
  variable: Variable,
  jump?: Jump,
  endsDenoised = false,
): Path {
  const [start, end] = [variable.toTime(from), variable.toTime(to)]
  return { variable, start, end, direction: Math.sign(end - start), jump, endsDenoised }
}
