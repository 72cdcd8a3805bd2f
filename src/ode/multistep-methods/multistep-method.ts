import type { View } from '../../native/addon.js'

/** A height at which the flow is known, and the slot that keeps it. */
export interface Known {
  readonly slot: number
  readonly height: number
  /** The slot that keeps what the flow would be there by the formula of the other side of its jump. */
  readonly otherSide?: number
}

/**
 * A linear multistep method: x(to) = ofX x(from) + sum_j ofKnown[j] f_j, where f_j is a view of the flow that is known
 * at heights[j].
 */
export interface MultistepMethod {
  readonly name: string
  readonly view: View
  /** How many known values it takes; the first steps have fewer. */
  readonly order: number
  /**
   * @param heights where the flow is known, newest first; the newest is `from`, or `to` where a predicted value is
   *   corrected
   */
  weights(from: number, to: number, heights: readonly number[]): Weights
  /** The deviation of the noise that its step adds, which is Gaussian. */
  noise?(from: number, to: number): number
  /** Whether it evaluates the flow at a predicted state, which it then corrects with the value there. */
  readonly corrects: boolean
}

/** What a step of a multistep method weighs. */
export interface Weights {
  /** Weight of the state where the step begins. */
  readonly ofX: number
  /** Weights of the known values, newest first. */
  readonly ofKnown: readonly number[]
}
