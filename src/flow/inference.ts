import type { NativeInference } from '../native/addon.js'
import type { DriftOptions } from './flow.js'

/** How the network of a flow is evaluated. */
export function inferenceOf({
  deterministic = false,
  precision = 'float32',
  bfloat16Above = 0,
}: DriftOptions): NativeInference {
  return { deterministic, precision, roundsAbove: precision === 'float32' ? 0 : bfloat16Above }
}
