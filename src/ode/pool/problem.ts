import type { NativeRows } from '../../native/addon.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { SharedFlow } from './shared-flow.js'

/** What is integrated: `count` samples from one height to another. */
export interface Problem {
  readonly flow: SharedFlow
  /** What the flow calls the height: `z`. */
  readonly heightName: string
  readonly count: number
  readonly from: number
  readonly to: number
  readonly device: string
  /** The shape of one image, whose numbers a state begins with. */
  readonly shape: readonly number[]
  /** The states of samples `first` to `first + count - 1` at height `from`, float64 `[count, N]`. */
  start(first: number, count: number): Promise<Tensor<'float64'>>
  /** Their keys, the seeds of their own random numbers, and their labels and guidance. */
  rows(first: number, count: number): NativeRows
  /** `[samples, draws, N]`: the noise of steps in the place of what is drawn; keys are then places. */
  readonly noise?: Tensor | undefined
}
