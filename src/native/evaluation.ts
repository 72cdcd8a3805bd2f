import type { TensorHandle } from './handles.js'

/** A figure and its standard error. */
export interface NativeEstimate {
  readonly value: number
  readonly error: number
}

/** Of features: the mean `[F]` and covariance `[F, F]`, float64. */
export interface NativeGaussian {
  readonly mean: TensorHandle
  readonly covariance: TensorHandle
}
