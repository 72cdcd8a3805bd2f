import type { Tensor } from '../../tensor/tensor.js'
import type { Arrivals } from './arrivals.js'
import type { SharedFlow } from './shared-flow.js'

/** What is integrated: samples from one height to another. */
export interface Problem {
  readonly flow: SharedFlow
  /** What the flow calls the height: `z`. */
  readonly heightName: string
  /** Samples, whose numbers are below this. */
  readonly count: number
  readonly from: number
  readonly to: number
  readonly device: string
  /** The shape of one image, whose numbers a state begins with. */
  readonly shape: readonly number[]
  readonly arrivals: Arrivals
  /** `[samples, draws, N]`: the noise of steps in the place of what is drawn; keys are then places. */
  readonly noise?: Tensor | undefined
}
