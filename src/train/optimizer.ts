/** What changes from step to step in training, as published. */

/** What is left of the learning rate at a step after the warm-up, as a share of the largest. */
const SCHEDULES = {
  constant: () => 1,
  /** Down to 0 at the last step (arXiv 1608.03983, without restarts). */
  cosine: (step: number, warmup: number, steps: number) =>
    (1 + Math.cos(Math.PI * done(step, warmup, steps))) / 2,
  linear: (step: number, warmup: number, steps: number) => 1 - done(step, warmup, steps),
  /** With the root of the steps, from the end of the warm-up on (arXiv 1706.03762, section 5.3). */
  invsqrt: (step: number, warmup: number) => Math.sqrt(Math.max(warmup, 1) / Math.max(step, warmup, 1)),
} as const

/** One of `LEARNING_RATE_SCHEDULES`. */
export type LearningRateSchedule = keyof typeof SCHEDULES
/** How the learning rate may go on after the warm-up. */
export const LEARNING_RATE_SCHEDULES = Object.keys(SCHEDULES) as readonly LearningRateSchedule[]

function done(step: number, warmup: number, steps: number): number {
  return Math.min(Math.max((step - warmup) / Math.max(steps - warmup, 1), 0), 1)
}

interface LearningRateSettings {
  /** Of all steps, the largest. */
  readonly learningRate: number
  readonly learningRateSchedule: LearningRateSchedule
  readonly warmup: number
  readonly steps: number
}

/**
 * Learning rate of update `step` (from 0): rises linearly over the warm-up, so the first update has rate 0, and follows its
 * schedule from then on.
 */
export function learningRateAt(step: number, settings: LearningRateSettings): number {
  const { learningRate, learningRateSchedule, warmup, steps } = settings
  if (step < warmup) return learningRate * (step / warmup)
  return learningRate * SCHEDULES[learningRateSchedule](step, warmup, steps)
}

/** Decay of the weights' moving average at its `update`-th update (from 1). */
export function emaDecayAt(update: number, rate: number): number {
  return Math.min(rate, (1 + update) / (10 + update))
}
