import type { FlowSettings } from '../flow/kinds.js'
import type { Estimate } from './estimate.js'
import type { Width } from './fit.js'

/** What happens in a run, as `train()` yields it. */
export type TrainEvent =
  | {
      /** The run begins, or goes on. */
      readonly type: 'start'
      /** Its folder. */
      readonly out: string
      /** Steps that are behind: 0 where it begins. */
      readonly step: number
      /** Steps in all. */
      readonly steps: number
      /** Parameters of the network. */
      readonly parameterCount: number
      /** How wide the network is, where a preset's width follows the pictures. */
      readonly width?: Width
      /** All settings of the flow. */
      readonly flow: FlowSettings
      /** `cpu` or `cuda:N`. */
      readonly device: string
      /** Threads of the CPU's kernels. */
      readonly threads: number
      /** What the steps will take. */
      readonly estimate: Estimate
    }
  | {
      /** What a user should know; the run goes on. */
      readonly type: 'warning'
      /** In words. */
      readonly message: string
    }
  | StepEvent
  | {
      /** A checkpoint was written. */
      readonly type: 'checkpoint'
      /** Steps that are behind. */
      readonly step: number
      /** The file. */
      readonly path: string
    }
  | {
      /** A picture of samples was written. */
      readonly type: 'picture'
      /** Steps that are behind. */
      readonly step: number
      /** The file. */
      readonly path: string
    }
  | EvaluationEvent
  | {
      /** A measurement was left out, and others may be after it, as there is no time for it. */
      readonly type: 'left-out'
      /** Steps that are behind. */
      readonly step: number
      /** What it would take. */
      readonly seconds: number
      /** Seconds that are left of the tenth of the training's time that measuring may take. */
      readonly left: number
    }
  | {
      /** The samples at the end are being drawn and measured. */
      readonly type: 'evaluating'
      /** Steps that are behind. */
      readonly step: number
      /** How much of that is done, 0 to 1. */
      readonly fraction: number
    }
  | EndEvent

/** A step was taken. */
export interface StepEvent {
  /** That it was a step. */
  readonly type: 'step'
  /** Steps that are behind. */
  readonly step: number
  /** Mean over the items of what the step makes smaller: of PFGM half the summed squared error of the field. */
  readonly loss: number
  /** Norm of the gradient, before it was clipped. */
  readonly gradientNorm: number
  /** The step's learning rate. */
  readonly learningRate: number
  /** Items that were learned from, a second. */
  readonly imagesPerSecond: number
  /** Seconds until the last step, at this speed. */
  readonly secondsLeft: number
}

/** What is known of a model, with its averaged weights. */
export interface Measured {
  /** The mean over items that are held out of what training steps make smaller. */
  readonly validationLoss?: number
  /** Energy distance of fresh samples to so many items of the data, all where there is time for it. */
  readonly distance?: {
    /** The energy distance. */
    value: number
    /** How many samples. */
    samples: number
    /** Items of the data that they were compared with. */
    items: number
    /** Frechet distance of the same, where the best model is told by it. */
    frechet?: number
  }
}

/** The model was measured on the way, which took so many seconds. */
export interface EvaluationEvent extends Measured {
  /** That it was a measurement. */
  readonly type: 'evaluation'
  /** Steps that are behind. */
  readonly step: number
  /** Seconds that it took. */
  readonly seconds: number
  /** It is the best so far, and was kept. */
  readonly best?: true
  /** Measurements before it that were left out, as there was no time. */
  readonly leftOut?: number
}

/** The run has come to its end. */
export interface EndEvent {
  /** That it is the end. */
  readonly type: 'end'
  /** Steps that are behind: all. */
  readonly step: number
  /** Seconds that the run took, since it began or went on. */
  readonly seconds: number
  /** A picture of samples, where they can be drawn: grey or colour images, points in the plane. */
  readonly picture?: string
  /**
   * Energy distance of fresh samples to so many items of the data, all where there is time for it, with that of as many
   * draws from the items themselves beside it.
   */
  readonly distance?: {
    /** The energy distance. */
    value: number
    /** How many samples. */
    samples: number
    /** Items of the data that they were compared with. */
    items: number
    /** That of as many draws from the items themselves. */
    floor: {
      /** Over several draws. */
      mean: number
      /** Over several draws. */
      deviation: number
    }
    /** Frechet distance of the same, where the best model is told by it. */
    frechet?: number
  }
  /** The mean over items that are held out of what training steps make smaller. */
  readonly validationLoss?: number
  /** It is the best model of the run, and was kept. */
  readonly best?: true
  /** Samples of the model could not be drawn: a warning said why. */
  readonly undrawable?: boolean
}
