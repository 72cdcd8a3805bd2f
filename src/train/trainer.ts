import type { Batch } from '../flow/batch.js'
import type { Addon, TrainerHandle } from '../native/addon.js'
import { NativeObject, native } from '../native/native.js'
import type { NativePass } from '../native/pass.js'
import { stoppable } from '../native/stoppable.js'
import { type NetworkConfig, toNative } from '../nn/config.js'
import { Network } from '../nn/network.js'

/** Adam's constants, as published. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

type StepSettings = Parameters<Addon['trainStep']>[2]

/** A network under training, the moving average of its weights, and the optimizer's state. */
export class Trainer extends NativeObject<TrainerHandle> {
  readonly network: Network
  /** The network with the averaged weights, from which samples are drawn. */
  readonly averaged: Network
  readonly parameterCount: number
  readonly device: string

  private constructor(handle: TrainerHandle, network: Network, averaged: Network) {
    super(handle)
    this.network = network
    this.averaged = averaged
    this.parameterCount = network.parameterCount
    this.device = network.device
  }

  /** @param furtherAverages moving averages of the weights beside `averaged`, which only checkpoints have */
  static async create(
    config: NetworkConfig,
    seed: string | bigint,
    device: string,
    furtherAverages = 0,
  ): Promise<Trainer> {
    const { id, network, ema, parameterCount } = await native().createTrainer(
      toNative(config),
      BigInt(seed),
      ADAM,
      device,
      furtherAverages,
    )
    return new Trainer(
      id,
      new Network(config, network, parameterCount, device),
      new Network(config, ema, parameterCount, device),
    )
  }

  /**
   * One optimizer step on a batch, which is disposed of. A step that rejects with the signal's reason has changed nothing,
   * and the state can be saved at once, though it may compute on for a moment.
   */
  async step(
    batch: Batch,
    settings: StepSettings,
    signal?: AbortSignal,
  ): Promise<{ loss: number; gradientNorm: number; applied: boolean }> {
    try {
      const step = native().trainStep(this.handle, batch.handles, settings)
      return await stoppable(step, signal)
    } finally {
      batch.dispose()
    }
  }

  /** What a step on a batch costs, without taking it; the batch is disposed of. */
  async probe(
    batch: Batch,
    pass?: NativePass,
    signal?: AbortSignal,
  ): Promise<{ seconds: number; activationBytes: number }> {
    try {
      return await stoppable(native().probeStep(this.handle, batch.handles, pass), signal)
    } finally {
      batch.dispose()
    }
  }

  override dispose(): void {
    this.network.dispose()
    this.averaged.dispose()
    super.dispose()
  }
}
