import type { FlowSettings } from '../flow/kinds.js'
import type { Estimate } from './estimate.js'

/** What happens in a run, as `train()` yields it. */
export type TrainEvent =
  | {
      readonly type: 'start'
      readonly out: string
      readonly step: number
      readonly steps: number
      readonly parameterCount: number
      readonly flow: FlowSettings
      readonly device: string
      readonly threads: number
      readonly estimate: Estimate
    }
  | { readonly type: 'warning'; readonly message: string }
  | StepEvent
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | { readonly type: 'picture'; readonly step: number; readonly path: string }
  | EvaluationEvent
  /**
   * A measurement was left out, and others may be after it, as it would take so many seconds and `left` are left of the
   * tenth of the training's time that measuring may take.
   */
  | { readonly type: 'left-out'; readonly step: number; readonly seconds: number; readonly left: number }
  /** The samples at the end are being drawn and measured: how much of that is done, 0 to 1. */
  | { readonly type: 'evaluating'; readonly step: number; readonly fraction: number }
  | EndEvent

export interface StepEvent {
  readonly type: 'step'
  readonly step: number
  readonly loss: number
  readonly gradientNorm: number
  readonly learningRate: number
  readonly imagesPerSecond: number
  readonly secondsLeft: number
}

/** What is known of a model, with its averaged weights. */
export interface Measured {
  /** The mean over items that are held out of what training steps make smaller. */
  readonly validationLoss?: number
  /** Energy distance of fresh samples to so many items of the data, all where there is time for it. */
  readonly distance?: {
    value: number
    samples: number
    items: number
    /** Frechet distance of the same, where the best model is told by it. */
    frechet?: number
  }
}

/** The model was measured on the way, which took so many seconds. */
export interface EvaluationEvent extends Measured {
  readonly type: 'evaluation'
  readonly step: number
  readonly seconds: number
  /** It is the best so far, and was kept. */
  readonly best?: true
  /** Measurements before it that were left out, as there was no time. */
  readonly leftOut?: number
}

export interface EndEvent {
  readonly type: 'end'
  readonly step: number
  readonly seconds: number
  /** A picture of samples, where they can be drawn: grey or colour images, points in the plane. */
  readonly picture?: string
  /**
   * Energy distance of fresh samples to so many items of the data, all where there is time for it, with that of as many
   * draws from the items themselves beside it.
   */
  readonly distance?: {
    value: number
    samples: number
    items: number
    floor: { mean: number; deviation: number }
    frechet?: number
  }
  readonly validationLoss?: number
  /** It is the best model of the run, and was kept. */
  readonly best?: true
  /** Samples of the model could not be drawn: a warning said why. */
  readonly undrawable?: boolean
}
