import { orAborted } from '../arguments/signal.js'
import { PfgmError } from '../errors.js'
import type { Batch } from '../flow/batch.js'
import type { Flow } from '../flow/flow.js'
import { createFlow } from '../flow/kinds.js'
import type { NativePass } from '../native/pass.js'
import { classesOf } from '../nn/config.js'
import type { RunConfig } from './checkpoint.js'
import { type Estimate, estimate } from './estimate.js'
import type { StepEvent } from './events.js'
import { emaDecayAt, learningRateAt } from './optimizer.js'
import type { LoadedData } from './run-config.js'
import type { Trainer } from './trainer.js'

/** The optimizer steps of a run. */
export class TrainingLoop {
  readonly #config: RunConfig
  readonly #data: LoadedData
  readonly #trainer: Trainer
  readonly #flow: Flow
  #step: number
  #secondsPerStep = 0

  constructor(config: RunConfig, data: LoadedData, trainer: Trainer, step: number) {
    this.#config = config
    this.#data = data
    this.#trainer = trainer
    this.#flow = createFlow(config.flow)
    this.#step = step
  }

  /** Steps that have been taken. */
  get step(): number {
    return this.#step
  }

  get finished(): boolean {
    return this.#step >= this.#config.training.steps
  }

  /** Measured as far as steps were taken, else estimated. */
  get secondsPerStep(): number {
    return this.#secondsPerStep
  }

  get #pass(): NativePass {
    const { accumulate, checkpointActivations, precision } = this.#config.training
    return { accumulate, recompute: checkpointActivations, precision }
  }

  /** What the steps that are left will take. @throws the signal's reason */
  async estimate(signal: AbortSignal | undefined): Promise<Estimate> {
    const probe = async (count: number) =>
      this.#trainer.probe(await this.#batch(this.#step, count, count), this.#pass, signal)
    const estimated = await estimate(this.#trainer, probe, this.#config.training, this.#step)
    this.#secondsPerStep = estimated.secondsPerStep
    return estimated
  }

  /**
   * Steps until the last one or until the signal is given: then at once, as the step under way is not taken. What is done
   * between two of them does not count as time of training.
   * @throws PfgmError `ERR_PFGM_NOT_FINITE`
   */
  async *steps(signal: AbortSignal | undefined): AsyncGenerator<StepEvent, void, void> {
    const { training } = this.#config
    const { batchSize, smallBatchSize } = training
    const first = this.#step
    const began = performance.now()
    let outside = 0
    let next: Promise<Batch> | undefined
    try {
      next = this.#batch(this.#step, batchSize, smallBatchSize)
      while (!this.finished && !signal?.aborted) {
        const step = this.#step
        const made = next
        const batch = await orAborted(signal, () => made)
        const learningRate = learningRateAt(step, training)
        const settings = {
          update: step + 1,
          learningRate,
          clipNorm: training.clipNorm,
          emaDecay: emaDecayAt(step + 1, training.emaRate),
          furtherEmaDecays: this.#config.emaRates.map((rate) => emaDecayAt(step + 1, rate)),
          dropoutSeed: BigInt(this.#config.seed) ^ (BigInt(step) << 20n),
          pass: this.#pass,
        }
        const update = this.#trainer.step(batch, settings, signal)
        // The next batch is queued behind this step, so that the device never waits for JavaScript.
        next = this.#batch(step + 1, batchSize, smallBatchSize)
        next.catch(() => {}) // met where it is awaited
        const { loss, gradientNorm, applied } = await update
        if (!applied) throw notFinite(step, loss)
        this.#step = step + 1
        const seconds = (performance.now() - began - outside) / 1000
        this.#secondsPerStep = seconds / (this.#step - first)
        const paused = performance.now()
        yield {
          type: 'step',
          step: this.#step,
          loss,
          gradientNorm,
          learningRate,
          imagesPerSecond: ((this.#step - first) * smallBatchSize) / seconds,
          secondsLeft: (training.steps - this.#step) * this.#secondsPerStep,
        }
        outside += performance.now() - paused
      }
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason) throw error
    } finally {
      // Not waited for: it may be queued behind a step that has been given up.
      next?.then(
        (batch) => batch.dispose(),
        () => {},
      )
    }
  }

  async #batch(step: number, batchSize: number, smallBatchSize: number): Promise<Batch> {
    await this.#data.expectUnchanged()
    const { seed, mirror, training, network } = this.#config
    const wholeData = training.fieldBatch === 'full'
    const { labels } = this.#data
    const draw = {
      seed: BigInt(seed),
      step,
      batchSize,
      smallBatchSize,
      wholeData,
      mirror,
      ...(classesOf(network) > 0 &&
        labels && { labels: { classes: labels.tensor, dropout: training.labelDropout } }),
    }
    return this.#flow.batch(this.#data.tensor, draw, this.#trainer.device)
  }
}

function notFinite(step: number, loss: number): PfgmError {
  return new PfgmError(
    'ERR_PFGM_NOT_FINITE',
    `Expected a finite loss and gradient but step ${step + 1} has a loss of ${loss}: lower the learning rate`,
  )
}
