import type { TensorHandle, TensorInfo } from './handles.js'

/** What a step learns from. */
export interface NativeBatch {
  readonly x: TensorInfo
  readonly z: TensorInfo
  readonly target: TensorInfo
  /** What each item counts by in the loss. */
  readonly weight?: TensorInfo
  readonly labels?: TensorInfo
}

/** The same to be learned from. */
export interface BatchHandles {
  readonly x: TensorHandle
  readonly z: TensorHandle
  readonly target: TensorHandle
  readonly weight?: TensorHandle | undefined
  readonly labels?: TensorHandle | undefined
}

/** How a denoised image is made of what a network gives, and how much noise training draws (`native/flow/scales.h`). */
export type NativeScales =
  | { readonly kind: 'edm'; readonly sigmaData: number; readonly pMean: number; readonly pStd: number }
  | {
      readonly kind: 've'
      readonly sigmaMin: number
      readonly sigmaMax: number
      readonly likelihoodWeighting: number
    }
  | {
      readonly kind: 'vp' | 'subvp'
      readonly betaMin: number
      readonly betaMax: number
      readonly likelihoodWeighting: number
    }

/** Which batch of a run, from which of the data: the same for every flow. */
export interface NativeBatchDraw {
  readonly seed: number | bigint
  readonly step: number
  readonly batchSize: number
  readonly smallBatchSize: number
  readonly wholeData: boolean
  readonly mirror: boolean
  /** The class of every item, int64, and the share of items that are learned from as if of no class. */
  readonly labels?: { readonly classes: TensorHandle; readonly dropout: number } | undefined
}
