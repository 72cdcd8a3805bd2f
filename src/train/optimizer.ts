/** What changes from step to step in training, as published. */

/** Learning rate of update `step` (from 0): rises linearly over the warm-up, so the first update has rate 0. */
export function learningRateAt(step: number, base: number, warmup: number): number {
  return warmup > 0 ? base * Math.min(step / warmup, 1) : base
}

/** Decay of the weights' moving average at its `update`-th update (from 1). */
export function emaDecayAt(update: number, rate: number): number {
  return Math.min(rate, (1 + update) / (10 + update))
}
