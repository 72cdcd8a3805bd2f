/** What changes from step to step in training, as published. */

/**
 * Learning rate of update `step` (from 0): rises linearly over the warm-up, so the first update has rate 0, and, in a
 * run of `steps`, falls linearly towards 0 over the last `cooldown` of them.
 */
export function learningRateAt(
  step: number,
  base: number,
  warmup: number,
  cooldown = 0,
  steps = Number.POSITIVE_INFINITY,
): number {
  const rise = warmup > 0 ? Math.min(step / warmup, 1) : 1
  const fall = cooldown > 0 ? Math.min((steps - step) / cooldown, 1) : 1
  return base * Math.min(rise, fall)
}

/** Decay of the weights' moving average at its `update`-th update (from 1). */
export function emaDecayAt(update: number, rate: number): number {
  return Math.min(rate, (1 + update) / (10 + update))
}
