import type { TensorInfo } from '../native/addon.js'
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
}

/** Perturbed points and the field's targets there. */
export class Batch implements Disposable {
  readonly x: Tensor<'float32'>
  readonly z: Tensor<'float32'>
  readonly target: Tensor<'float32'>

  constructor({ x, z, target }: { x: TensorInfo; z: TensorInfo; target: TensorInfo }) {
    this.x = new Tensor(x)
    this.z = new Tensor(z)
    this.target = new Tensor(target)
  }

  dispose(): void {
    for (const tensor of [this.x, this.z, this.target]) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
