import type { Precision } from './precision.js'

/** How a step makes its gradients: none of it changes what they are, but for rounding and what dropout draws. */
export interface NativePass {
  /** Parts that a batch goes through the network in, one after the other. */
  readonly accumulate: number
  /** Whether activations inside of blocks are made again on the way back rather than kept. */
  readonly recompute: boolean
  readonly precision: Precision
  /** With libtorch's operations alone, which are the oracle of the package's own; default false. */
  readonly byLibtorch?: boolean
}
