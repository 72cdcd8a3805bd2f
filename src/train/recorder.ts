import { appendFile, readFile } from 'node:fs/promises'
import { product } from '../check.js'
import type { RunFolder } from '../checkpoint/run-folder.js'
import { PfgmError } from '../errors.js'
import { info } from '../native/device.js'
import { isDrawable } from '../tensor/picture.js'
import { BestModel } from './best-model.js'
import { type RunConfig, writeTrainingCheckpoint } from './checkpoint.js'
import { DivergenceWatch } from './divergence.js'
import { Evaluation, type Found } from './evaluation.js'
import type { EndEvent, StepEvent, TrainEvent } from './events.js'
import { isNotFinite, isOutOfMemory } from './failures.js'
import { following } from './following.js'
import { Measurements } from './measurements.js'
import type { Asked } from './options.js'
import type { LoadedData } from './run-config.js'
import { EventFile } from './tensorboard.js'
import { shareOf } from './time-share.js'
import type { Trainer } from './trainer.js'
import { Validation } from './validation.js'

const NO_TIME =
  'they would take longer than a tenth of the training did (evaluationCount draws as many as it says)'
const NO_TIME_ON_THE_WAY =
  'they would take longer than a tenth of the training between pictures (sampleEvery draws them all the same)'

/** Steps between lines of `log.jsonl`. */
const LOG_EVERY = 10

/** A run of which something is recorded. */
export interface Recorded {
  readonly folder: RunFolder
  readonly config: RunConfig
  readonly data: LoadedData
  /** Items that it does not learn from, where any are held out. */
  readonly heldOut: LoadedData | undefined
  readonly trainer: Trainer
  readonly threads: number
  /** Where it begins. */
  readonly step: number
  readonly asked: Asked
}

/** What a run leaves in its folder: checkpoints, pictures, the log. */
export class Recorder {
  readonly #folder: RunFolder
  readonly #config: RunConfig
  readonly #trainer: Trainer
  readonly #evaluation: Evaluation
  readonly #measurements: Measurements
  readonly #asked: Asked
  readonly #threads: number
  readonly #first: number
  #saved: number
  readonly #divergence: DivergenceWatch
  /** Whether there was no time for a picture, and that was said. */
  #noTime = false
  readonly #eventFile: EventFile
  /** Since the log's last line. */
  #losses: number[] = []

  constructor({ folder, config, data, heldOut, trainer, threads, step, asked }: Recorded) {
    this.#folder = folder
    this.#config = config
    this.#trainer = trainer
    this.#evaluation = new Evaluation(config, data, trainer, folder.finalPicture)
    this.#measurements = new Measurements(
      this.#evaluation,
      heldOut && new Validation(config, heldOut, trainer),
      new BestModel(folder, config, trainer),
      config.training.evaluationCount,
    )
    this.#asked = asked
    this.#divergence = new DivergenceWatch(product(config.shape))
    this.#threads = threads
    this.#eventFile = new EventFile(folder.path, step)
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

  get #wayBack(): string {
    const { learningRate, clipNorm } = this.#config.training
    const clip = clipNorm === 0 ? ' and a clipNorm of 1' : ''
    return `start another run with a learningRate below ${learningRate}${clip}`
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

  /**
   * The checkpoint, the picture and the measurement that are due after a step, and what it gives to warn of.
   * @param secondsPerStep what one takes, of which a picture gets its share
   */
  async *due(
    { step, loss }: StepEvent,
    secondsPerStep: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TrainEvent, void, void> {
    if (this.#divergence.after(loss)) {
      yield { type: 'warning', message: `At step ${step} ${this.#divergence.words}; ${this.#wayBack}` }
    }
    const { steps, checkpointEvery, sampleEvery, evaluateEvery } = this.#config.training
    if (step % checkpointEvery === 0 || step === steps) {
      await this.save(step)
      yield { type: 'checkpoint', step, path: this.checkpoint }
    }
    if (step === steps) return
    if (isDue(step, sampleEvery) && isDrawable(this.#config.shape)) {
      yield* this.#picture(step, shareOf(sampleEvery * secondsPerStep), signal)
    }
    if (isDue(step, evaluateEvery)) {
      const event = await this.#measurements.due(step, (step - this.#first) * secondsPerStep, signal)
      if (!event) return
      if (event.type !== 'warning') await this.#log(event)
      yield event
    }
  }

  /** A picture on the way; a network that has learned little may have no path to the data yet, and no picture. */
  async *#picture(
    step: number,
    seconds: number,
    signal?: AbortSignal,
  ): AsyncGenerator<TrainEvent, void, void> {
    const path = this.#folder.picture(step)
    try {
      const count = this.#evaluation.pictureSamples
      const drawn = await this.#evaluation.draw(step, count, this.#asked.pictures ? undefined : seconds, {
        signal,
      })
      if (!drawn) {
        if (!this.#noTime)
          yield { type: 'warning', message: `No samples were drawn at step ${step}: ${NO_TIME_ON_THE_WAY}` }
        this.#noTime = true
        return
      }
      using samples = drawn.images
      await samples.savePng(path)
      await this.#eventFile.picture(step, path)
    } catch (error) {
      if (signal?.aborted || isNotFinite(error)) return
      if (!isOutOfMemory(error)) throw error
      yield { type: 'warning', message: `No samples were drawn at step ${step}: ${error.message}` }
      return
    }
    yield { type: 'picture', step, path }
  }

  /**
   * Shows and measures the samples of a trained model, which stands whether or not there are any.
   * @param seconds that training took, or would have
   * @throws the signal's reason
   */
  async *end(
    step: number,
    began: number,
    seconds: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TrainEvent, void, void> {
    const found: Found = {}
    let undrawable = false
    const { evaluationCount } = this.#config.training
    const limit = this.#asked.evaluation && evaluationCount > 1 ? undefined : shareOf(seconds)
    if (step === this.#first) this.#divergence.recall(await this.#lastLoss())
    const diverged = this.#divergence.diverged ? `${this.#divergence.words}; ${this.#wayBack}` : undefined
    const saved = `The model is trained and saved as ${this.checkpoint}`
    try {
      const evaluating = following(signal, (report, either) =>
        this.#evaluation.run(step, evaluationCount, limit, found, { signal: either, onProgress: report }),
      )
      for await (const fraction of evaluating) yield { type: 'evaluating', step, fraction }
      if (diverged !== undefined) yield { type: 'warning', message: `${saved}, but ${diverged}` }
      if (found.noTime) yield { type: 'warning', message: `${saved}, but no samples were drawn: ${NO_TIME}` }
    } catch (error) {
      if (signal?.aborted || (!isNotFinite(error) && !isOutOfMemory(error))) throw error
      const failed = found.picture === undefined ? 'drawn' : 'measured'
      undrawable = failed === 'drawn'
      const why = diverged ?? error.message
      yield { type: 'warning', message: `${saved}, but its samples could not be ${failed}: ${why}` }
    }
    const { picture, distance } = found
    if (picture !== undefined) await this.#eventFile.picture(step, picture)
    const measured = await this.#measurements.atEnd(step, seconds, distance, signal)
    const event: EndEvent = {
      type: 'end',
      step,
      seconds: (performance.now() - began) / 1000,
      ...(picture !== undefined && { picture }),
      ...(distance && { distance }),
      ...measured,
      ...(undrawable && { undrawable }),
    }
    await this.#log(event)
    yield event
  }

  /** The newest loss in the log of a run that had ended; 0 where there is none. */
  async #lastLoss(): Promise<number> {
    const log = await readFile(this.#folder.log, 'utf8').catch(() => '')
    return Number(/"loss":([^,}]+)/.exec(log.slice(log.lastIndexOf('"loss"')))?.[1] ?? 0)
  }

  async #log(event: TrainEvent): Promise<void> {
    await appendFile(this.#folder.log, `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`)
    await this.#eventFile.scalars(event)
  }
}

function isDue(step: number, every: number): boolean {
  return every > 0 && step % every === 0
}
