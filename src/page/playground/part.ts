import type { Facts, Model } from './facts.js'
import type { State } from './state.js'

/** What the parts beside the sample are given. */
export interface PartProps {
  readonly facts: Facts
  readonly model: Model
  readonly state: State
  readonly change: (part: Partial<State>) => void
  /** Whether it is its turn: one sample is to be seen soon. */
  readonly isTurn: boolean
}
