import type { BatchHandles, NativeBatch, NativeBatchDraw } from '../native/addon.js'
import { Tensor } from '../tensor/tensor.js'

/** Which batch of a run, from which of the data: a batch is a function of the data and these alone. */
export interface BatchDraw {
  readonly seed: bigint
  readonly step: number
  /** Items whose charges make the field of a step: B of the paper. */
  readonly batchSize: number
  /** The first of them, which are perturbed and learned from. */
  readonly smallBatchSize: number
  /** Whether all of the data makes the field, whatever `batchSize` is. */
  readonly wholeData: boolean
  /** Whether images are mirrored at random. */
  readonly mirror: boolean
  /** The class of every item, and the share of items that are learned from as if of no class; none are learned without. */
  readonly labels?: { readonly classes: Tensor; readonly dropout: number } | undefined
}

/** A draw as native code takes it. */
export function nativeDraw({ labels, ...draw }: BatchDraw): NativeBatchDraw {
  return { ...draw, ...(labels && { labels: { ...labels, classes: labels.classes.handle } }) }
}

/** Perturbed points and what a network is to give there. */
export class Batch implements Disposable {
  readonly x: Tensor<'float32'>
  readonly z: Tensor<'float32'>
  readonly target: Tensor<'float32'>
  /** What each item counts by in the loss, where that is not 1. */
  readonly weight: Tensor<'float32'> | undefined
  /** The class of each item, -1 for none, where the run learns any. */
  readonly labels: Tensor<'int64'> | undefined

  constructor({ x, z, target, weight, labels }: NativeBatch) {
    this.x = new Tensor(x)
    this.z = new Tensor(z)
    this.target = new Tensor(target)
    this.weight = weight && new Tensor(weight)
    this.labels = labels && new Tensor(labels)
  }

  /** As native code takes it. */
  get handles(): BatchHandles {
    const { x, z, target, weight, labels } = this
    return {
      x: x.handle,
      z: z.handle,
      target: target.handle,
      weight: weight?.handle,
      labels: labels?.handle,
    }
  }

  dispose(): void {
    for (const tensor of [this.x, this.z, this.target, this.weight, this.labels]) tensor?.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
