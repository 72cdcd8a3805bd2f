import { appendFile } from 'node:fs/promises'
import type { ModelConfig } from '../checkpoint/model.js'
import type { RunFolder } from '../checkpoint/run-folder.js'
import { PfgmError } from '../errors.js'
import type { Batch } from '../flow/batch.js'
import { createFlow } from '../flow/kinds.js'
import { energyDistance, energyFloor } from '../metrics/energy-distance.js'
import { info } from '../native/device.js'
import { PoissonFlow } from '../poisson-flow.js'
import { isDrawable } from '../tensor/picture.js'
import type { Tensor } from '../tensor/tensor.js'
import { type RunConfig, writeTrainingCheckpoint } from './checkpoint.js'
import { estimate } from './estimate.js'
import type { EndEvent, TrainEvent } from './events.js'
import { emaDecayAt, learningRateAt } from './optimizer.js'
import type { LoadedData } from './run-config.js'
import type { Trainer } from './trainer.js'

/** Samples of the pictures that a run draws. */
const PICTURE_SAMPLES = 64
const PICTURE_POINTS = 5000
/** Steps between lines of `log.jsonl`. */
const LOG_EVERY = 10

/** One training run under way. */
export class Run {
  readonly #folder: RunFolder
  readonly #config: RunConfig
  readonly #data: LoadedData
  readonly #trainer: Trainer
  readonly #device: string
  readonly #threads: number
  #step: number
  #saved: number

  constructor(
    folder: RunFolder,
    config: RunConfig,
    data: LoadedData,
    trainer: Trainer,
    device: string,
    threads: number,
    step: number,
  ) {
    this.#folder = folder
    this.#config = config
    this.#data = data
    this.#trainer = trainer
    this.#device = device
    this.#threads = threads
    this.#step = step
    this.#saved = step
  }

  async *events(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const began = performance.now()
    const { training } = this.#config
    yield await this.#start()
    let failed = false
    try {
      // A run that is stopped at once can be gone on with, too.
      if (this.#step === 0) await this.#save()
      yield* this.#steps(signal)
    } catch (error) {
      failed = true
      throw error
    } finally {
      // Reached at the end, on an abort, and when the caller leaves the loop.
      if (!failed && this.#saved !== this.#step) await this.#save()
    }
    if (this.#step < training.steps) {
      yield { type: 'checkpoint', step: this.#step, path: this.#folder.checkpoint(this.#step) }
      throw signal?.reason ?? new Error('training stopped')
    }
    yield await this.#end(began, signal)
  }

  async #start(): Promise<TrainEvent> {
    const { flow, training } = this.#config
    const cost = await estimate(
      this.#trainer,
      (count) => this.#batch(this.#step, count, count),
      training,
      this.#step,
    )
    return {
      type: 'start',
      out: this.#folder.path,
      step: this.#step,
      steps: training.steps,
      parameterCount: this.#trainer.parameterCount,
      flow,
      device: this.#device,
      threads: this.#threads,
      estimate: cost,
    }
  }

  /** Steps until the last one or until the signal is given. */
  async *#steps(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const { training } = this.#config
    const { batchSize, smallBatchSize } = training
    const first = this.#step
    const began = performance.now()
    let outside = 0
    let losses = 0
    let next: Promise<Batch> | undefined
    try {
      next = this.#batch(this.#step, batchSize, smallBatchSize)
      while (this.#step < training.steps && !signal?.aborted) {
        const step = this.#step
        const batch = await next
        const learningRate = learningRateAt(step, training.learningRate, training.warmup)
        const update = this.#trainer.step(batch, {
          update: step + 1,
          learningRate,
          clipNorm: training.clipNorm,
          emaDecay: emaDecayAt(step + 1, training.emaRate),
          dropoutSeed: BigInt(this.#config.seed) ^ (BigInt(step) << 20n),
        })
        // The next batch is queued behind this step, so that the device never waits for JavaScript.
        next = this.#batch(step + 1, batchSize, smallBatchSize)
        next.catch(() => {}) // met where it is awaited
        const { loss, gradientNorm, applied } = await update
        if (!applied) throw this.#notFinite(step, loss)
        this.#step = step + 1
        losses += loss
        const seconds = (performance.now() - began - outside) / 1000
        const event: TrainEvent = {
          type: 'step',
          step: this.#step,
          loss,
          gradientNorm,
          learningRate,
          imagesPerSecond: ((this.#step - first) * smallBatchSize) / seconds,
          secondsLeft: ((training.steps - this.#step) * seconds) / (this.#step - first),
        }
        const paused = performance.now()
        if (this.#step % LOG_EVERY === 0) {
          await this.#log({ ...event, loss: losses / Math.min(LOG_EVERY, this.#step - first) })
          losses = 0
        }
        yield event
        yield* this.#records(signal)
        outside += performance.now() - paused
      }
    } finally {
      await next?.then(
        (batch) => batch.dispose(),
        () => {},
      )
    }
  }

  /** The checkpoint and the picture that are due. */
  async *#records(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const { training } = this.#config
    if (this.#step % training.checkpointEvery === 0 || this.#step === training.steps) {
      await this.#save()
      yield { type: 'checkpoint', step: this.#step, path: this.#folder.checkpoint(this.#step) }
    }
    const due = training.sampleEvery > 0 && this.#step % training.sampleEvery === 0
    if (due && this.#step < training.steps && isDrawable(this.#config.shape)) {
      const path = this.#folder.picture(this.#step)
      if (await this.#tryToDraw(path, signal)) yield { type: 'picture', step: this.#step, path }
    }
  }

  /** A picture on the way; a network that has learned little may have no path to the data yet, and no picture. */
  async #tryToDraw(path: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      using samples = await this.#sample(this.#pictureSamples, signal)
      await samples.savePng(path)
      return true
    } catch (error) {
      if (signal?.aborted || (error instanceof PfgmError && error.code === 'ERR_PFGM_NOT_FINITE'))
        return false
      throw error
    }
  }

  get #pictureSamples(): number {
    return this.#config.shape.length === 1 ? PICTURE_POINTS : PICTURE_SAMPLES
  }

  get #model(): Omit<ModelConfig, 'network'> {
    const { flow, data } = this.#config
    return { flow, data, step: this.#step }
  }

  /** Samples drawn with the averaged weights. */
  async #sample(count: number, signal: AbortSignal | undefined): Promise<Tensor<'float32'>> {
    const flow = PoissonFlow.of(this.#trainer.averaged, this.#model)
    const { images } = await flow.sample({ count, ...(signal && { signal }) })
    return images
  }

  async #end(began: number, signal: AbortSignal | undefined): Promise<TrainEvent> {
    const { evaluationCount } = this.#config.training
    const drawn = isDrawable(this.#config.shape) ? this.#pictureSamples : 0
    let event: EndEvent = { type: 'end', step: this.#step, seconds: 0 }
    if (drawn > 0 || evaluationCount > 1) {
      const samples = Math.max(evaluationCount, drawn)
      using images = await this.#sample(samples, signal)
      if (drawn > 0) {
        using shown = await images.slice(0, drawn)
        await shown.savePng(this.#folder.finalPicture)
        event = { ...event, picture: this.#folder.finalPicture }
      }
      if (evaluationCount > 1) {
        const value = await energyDistance(images, this.#data.tensor)
        const floor = await energyFloor(this.#data.tensor, samples)
        event = { ...event, distance: { value, samples, floor } }
      }
    }
    event = { ...event, seconds: (performance.now() - began) / 1000 }
    await this.#log(event)
    return event
  }

  async #batch(step: number, batchSize: number, smallBatchSize: number): Promise<Batch> {
    await this.#data.expectUnchanged()
    const { flow, seed, mirror, training } = this.#config
    const wholeData = training.fieldBatch === 'full'
    const draw = { seed: BigInt(seed), step, batchSize, smallBatchSize, wholeData, mirror }
    return createFlow(flow).batch(this.#data.tensor, draw, this.#trainer.device)
  }

  async #save(): Promise<void> {
    const settings = { threads: this.#threads, instructions: info().instructions }
    await writeTrainingCheckpoint(this.#trainer, this.#folder, this.#config, this.#step, settings)
    this.#saved = this.#step
    await this.#folder.prune(this.#config.keep)
  }

  async #log(event: TrainEvent): Promise<void> {
    await appendFile(this.#folder.log, `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`)
  }

  #notFinite(step: number, loss: number): PfgmError {
    const last = this.#folder.checkpoint(this.#saved)
    return new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      `Expected a finite loss and gradient but step ${step + 1} has a loss of ${loss}: lower the learning rate (last good checkpoint: ${last})`,
    )
  }
}
