import type { ScoreStep, Sde } from '../../flow/sde.js'

/** A step back along an SDE, from a time in n steps over all of it. Without its noise it is the step's mean. */
export type Predictor = (sde: Sde, t: number, n: number) => ScoreStep
