import type { Flow, Jump } from '../../flow/flow.js'
import type { Sde } from '../../flow/sde.js'
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
  /** The SDE that samplers with noise follow back. */
  readonly sde: Sde | undefined
  /** Whether its states are data and Gaussian noise, to which steps may add more. */
  readonly isGaussian: boolean
  /** Whether only methods that look at no denoised images can follow it. */
  readonly isInTime: boolean
  /** Whether it ends in what is denoised at its end: then the last step needs no special care for the data's nearness. */
  readonly endsDenoised: boolean
}

/** The path of a flow from one height to another. */
export function pathBetween(
  from: number,
  to: number,
  variable: Variable,
  flow: Partial<Pick<Flow, 'jump' | 'sde' | 'isGaussian' | 'isInTime' | 'endsDenoised'>> = {},
): Path {
  const { jump, sde, isGaussian = false, isInTime = false, endsDenoised = false } = flow
  const [start, end] = [variable.toTime(from), variable.toTime(to)]
  const direction = Math.sign(end - start)
  return { variable, start, end, direction, jump, sde, isGaussian, isInTime, endsDenoised }
}
