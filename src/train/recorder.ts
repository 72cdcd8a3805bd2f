import { appendFile } from 'node:fs/promises'
import type { RunFolder } from '../checkpoint/run-folder.js'
import { PfgmError } from '../errors.js'
import { energyDistance, energyFloor } from '../metrics/energy-distance.js'
import { Model } from '../model/model.js'
import { sample } from '../model/sample.js'
import { info } from '../native/device.js'
import { solverByName } from '../ode/solver.js'
import { solverOptions } from '../ode/solver-options.js'
import { isDrawable } from '../tensor/picture.js'
import type { Tensor } from '../tensor/tensor.js'
import { type RunConfig, writeTrainingCheckpoint } from './checkpoint.js'
import type { EndEvent, StepEvent, TrainEvent } from './events.js'
import type { LoadedData } from './run-config.js'
import type { Trainer } from './trainer.js'

/** Samples of the pictures that a run draws. */
const PICTURE_SAMPLES = 64
const PICTURE_POINTS = 5000
/** Steps between lines of `log.jsonl`. */
const LOG_EVERY = 10

/** What the end event says of the samples, as far as it has been found. */
type Evaluation = { -readonly [Key in 'picture' | 'distance']?: NonNullable<EndEvent[Key]> }

/** What a run leaves in its folder: checkpoints, pictures, the log. */
export class Recorder {
  readonly #folder: RunFolder
  readonly #config: RunConfig
  readonly #data: LoadedData
  readonly #trainer: Trainer
  readonly #threads: number
  readonly #first: number
  #saved: number
  /** Since the log's last line. */
  #losses: number[] = []

  constructor(
    folder: RunFolder,
    config: RunConfig,
    data: LoadedData,
    trainer: Trainer,
    threads: number,
    step: number,
  ) {
    this.#folder = folder
    this.#config = config
    this.#data = data
    this.#trainer = trainer
    this.#threads = threads
    this.#first = step
    this.#saved = step
  }

  /** The step of the newest checkpoint. */
  get saved(): number {
    return this.#saved
  }

  /** Where the newest checkpoint lies. */
  get checkpoint(): string {
    return this.#folder.checkpoint(this.#saved)
  }

  async save(step: number): Promise<void> {
    const machine = { threads: this.#threads, instructions: info().instructions }
    await writeTrainingCheckpoint(this.#trainer, this.#folder, this.#config, step, machine)
    this.#saved = step
    await this.#folder.prune(this.#config.keep)
  }

  /** What ended a run, with the way back where a step was not finite. */
  failure(error: unknown): unknown {
    if (!isNotFinite(error)) return error
    // Weights that are far out already give no finite step at any rate.
    const isHopeless = this.#first > 0 && this.#saved === this.#first
    const remedy = isHopeless
      ? `; where that is done already, delete ${this.checkpoint} to go on from the one before, or train elsewhere (--out)`
      : `, and go on with --resume (last good checkpoint: ${this.checkpoint})`
    return new PfgmError(error.code, `${error.message}${remedy}`, { cause: error })
  }

  /** A line of the log, where one is due: with the mean loss since the last. */
  async logStep(event: StepEvent): Promise<void> {
    this.#losses.push(event.loss)
    if (event.step % LOG_EVERY !== 0) return
    const loss = this.#losses.reduce((sum, each) => sum + each, 0) / this.#losses.length
    await this.#log({ ...event, loss })
    this.#losses = []
  }

  /** The checkpoint and the picture that are due after a step. */
  async *due(step: number, signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const { steps, checkpointEvery, sampleEvery } = this.#config.training
    if (step % checkpointEvery === 0 || step === steps) {
      await this.save(step)
      yield { type: 'checkpoint', step, path: this.checkpoint }
    }
    const due = sampleEvery > 0 && step % sampleEvery === 0
    if (due && step < steps && isDrawable(this.#config.shape)) yield* this.#picture(step, signal)
  }

  /** A picture on the way; a network that has learned little may have no path to the data yet, and no picture. */
  async *#picture(step: number, signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const path = this.#folder.picture(step)
    try {
      using samples = await this.#sample(step, this.#pictureSamples, signal)
      await samples.savePng(path)
    } catch (error) {
      if (signal?.aborted || isNotFinite(error)) return
      if (!isOutOfMemory(error)) throw error
      yield { type: 'warning', message: `No samples were drawn at step ${step}: ${error.message}` }
      return
    }
    yield { type: 'picture', step, path }
  }

  /** Shows and measures the samples of a trained model, which stands whether or not there are any. */
  async *end(
    step: number,
    began: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TrainEvent, void, void> {
    const found: Evaluation = {}
    try {
      await this.#evaluate(step, found, signal)
    } catch (error) {
      if (!isNotFinite(error) && !isOutOfMemory(error)) throw error
      const failed = found.picture === undefined ? 'drawn' : 'measured'
      const message = `The model is trained and saved as ${this.checkpoint}, but its samples could not be ${failed}: ${error.message}`
      yield { type: 'warning', message }
    }
    const event: EndEvent = { type: 'end', step, seconds: (performance.now() - began) / 1000, ...found }
    await this.#log(event)
    yield event
  }

  async #evaluate(step: number, found: Evaluation, signal: AbortSignal | undefined): Promise<void> {
    const { evaluationCount } = this.#config.training
    const drawn = isDrawable(this.#config.shape) ? this.#pictureSamples : 0
    if (drawn === 0 && evaluationCount <= 1) return
    const samples = Math.max(evaluationCount, drawn)
    using images = await this.#sample(step, samples, signal)
    if (drawn > 0) {
      using shown = await images.slice(0, drawn)
      await shown.savePng(this.#folder.finalPicture)
      found.picture = this.#folder.finalPicture
    }
    if (evaluationCount > 1) {
      const value = await energyDistance(images, this.#data.tensor)
      const floor = await energyFloor(this.#data.tensor, samples)
      found.distance = { value, samples, floor }
    }
  }

  get #pictureSamples(): number {
    return this.#config.shape.length === 1 ? PICTURE_POINTS : PICTURE_SAMPLES
  }

  /** Samples drawn with the averaged weights. */
  async #sample(step: number, count: number, signal: AbortSignal | undefined): Promise<Tensor<'float32'>> {
    const { flow, data, network } = this.#config
    const model = new Model({ flow, data, network, step }, this.#trainer.averaged)
    const { far, near } = model.flow
    const solver = solverByName(solverOptions({}), far.height, near.height)
    const { images } = await sample(model, solver, { count, ...(signal && { signal }) })
    return images
  }

  async #log(event: TrainEvent): Promise<void> {
    await appendFile(this.#folder.log, `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`)
  }
}

function isNotFinite(error: unknown): error is PfgmError {
  return error instanceof PfgmError && error.code === 'ERR_PFGM_NOT_FINITE'
}

/** V8 has an error of its own for an array that finds no room. */
function isOutOfMemory(error: unknown): error is Error {
  if (error instanceof PfgmError) return error.code === 'ERR_PFGM_OUT_OF_MEMORY'
  return error instanceof RangeError && /allocation failed|array length/i.test(error.message)
}
