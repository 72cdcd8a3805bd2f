import { appendFile } from 'node:fs/promises'
import { expectInteger, expectNumber, expectOneOf, expectSeed, product } from '../check.js'
import type { ModelConfig } from '../checkpoint/model.js'
import { RunFolder, writeWhole } from '../checkpoint/run-folder.js'
import type { Dataset } from '../data/dataset.js'
import { type Device, info, resolveDevice, setThreads } from '../device.js'
import { PfgmError } from '../errors.js'
import { hyperParameters, type PfgmSettings, PUBLISHED } from '../flow/pfgm.js'
import { energyDistance, energyFloor } from '../metrics/energy-distance.js'
import { native } from '../native/native.js'
import { expectSameNetwork, itemShape, type NetworkConfig } from '../nn/config.js'
import { PoissonFlow } from '../poisson-flow.js'
import { Tensor } from '../tensor.js'
import { type RunConfig, readTrainingCheckpoint, writeTrainingCheckpoint } from './checkpoint.js'
import { type Estimate, estimate } from './estimate.js'
import { emaDecayAt, learningRateAt } from './optimizer.js'
import {
  fitNetwork,
  PRESETS,
  type PresetName,
  preset,
  presetForData,
  type TrainingSettings,
} from './presets.js'
import { type Batch, Trainer } from './trainer.js'

export interface TrainOptions extends Partial<TrainingSettings> {
  data: Dataset
  /** The run's folder: made where it is not there; must not hold a run unless `resume`. */
  out: string
  /** Where settings come from that are not given; by the data's shape where not given. */
  preset?: PresetName
  network?: NetworkConfig
  flow?: Partial<PfgmSettings>
  /** Of the initial weights and of every draw: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /** Whether to mirror items at random; as the data set says where not given. */
  mirror?: boolean
  /** Newest checkpoints that are kept. Default 3. */
  keep?: number
  /** Go on from the newest checkpoint in `out`, with the settings it was started with. */
  resume?: boolean
  device?: Device
  /** Threads of the CPU's kernels; all cores where not given. */
  threads?: number
  /** Stops training at the next step: a checkpoint is saved, then the iteration throws the signal's reason. */
  signal?: AbortSignal
}

export type TrainEvent =
  | {
      readonly type: 'start'
      readonly out: string
      readonly step: number
      readonly steps: number
      readonly parameterCount: number
      readonly flow: PfgmSettings
      readonly device: string
      readonly threads: number
      readonly estimate: Estimate
    }
  | { readonly type: 'warning'; readonly message: string }
  | {
      readonly type: 'step'
      readonly step: number
      readonly loss: number
      readonly gradientNorm: number
      readonly learningRate: number
      readonly imagesPerSecond: number
      readonly secondsLeft: number
    }
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | { readonly type: 'picture'; readonly step: number; readonly path: string }
  | {
      readonly type: 'end'
      readonly step: number
      readonly seconds: number
      readonly picture: string
      /** Energy distance of fresh samples to the data, with that of as many draws from the data itself beside it. */
      readonly distance?: { value: number; samples: number; floor: { mean: number; deviation: number } }
    }

/** Samples of the pictures that a run draws. */
const PICTURE_SAMPLES = 64
const PICTURE_POINTS = 5000
/** Steps between lines of `log.jsonl`. */
const LOG_EVERY = 10

/**
 * Trains a Poisson flow (arXiv 2209.11178, algorithm 1) and yields what happens. Leaving the loop saves a checkpoint
 * first.
 *
 * @throws PfgmError `ERR_PFGM_RUN_EXISTS`, `ERR_PFGM_RUN_BUSY`, `ERR_PFGM_DATA`, `ERR_PFGM_CHECKPOINT`,
 *   `ERR_PFGM_NOT_FINITE` (the last checkpoint is kept), `ERR_PFGM_IO`
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainEvent, void, void> {
  options.signal?.throwIfAborted()
  const folder = new RunFolder(options.out)
  const resumed = options.resume ? await readTrainingCheckpoint(folder) : undefined
  if (!resumed && (await folder.exists())) {
    throw new PfgmError(
      'ERR_PFGM_RUN_EXISTS',
      `Expected ${options.out} to hold no run but one is there: go on with it (--resume), or train elsewhere (--out)`,
    )
  }
  const device = resolveDevice(options.device)
  const threads = await setThreads(options.threads)
  const data = await loadData(options.data)
  const resources: Disposable[] = [data.tensor]
  let unlock = async (): Promise<void> => {}
  try {
    const config = resumed ? resumedConfig(options, resumed.config) : freshConfig(options, data)
    await folder.create()
    unlock = await folder.lock()
    const trainer = await Trainer.create(config.network, config.seed, device)
    resources.push(trainer)
    if (resumed) await resumed.restore(trainer)
    else await writeWhole(folder.config, `${JSON.stringify(config, null, 2)}\n`)
    const run = new Run(folder, config, data.tensor, trainer, device, threads, resumed?.step ?? 0)
    for (const message of [...(resumed?.differences(threads) ?? []), ...data.warnings]) {
      yield { type: 'warning', message }
    }
    yield* run.events(options.signal)
  } finally {
    for (const resource of resources) resource[Symbol.dispose]()
    await unlock()
  }
}

interface LoadedData {
  readonly tensor: Tensor
  readonly name: string
  readonly shape: readonly number[]
  readonly mirror: boolean
  readonly meanNorm: number
  readonly warnings: string[]
}

async function loadData(data: Dataset): Promise<LoadedData> {
  const { name, shape, count, values, mirror } = data
  expectInteger('data.count', count, 1, 2 ** 31 - 1)
  if (values.length !== count * product(shape)) {
    throw new TypeError(
      `Expected data.values to have ${count} x [${shape.join(', ')}] = ${count * product(shape)} values but received ${values.length}`,
    )
  }
  const tensor = await Tensor.from(values, [count, ...shape])
  const { meanNorm, minimum, maximum, notFinite } = await native().dataStatistics(tensor.handle)
  if (notFinite >= 0) {
    tensor.dispose()
    throw new PfgmError(
      'ERR_PFGM_DATA',
      `Expected finite data but item ${notFinite} of ${name} has a NaN or an infinity`,
    )
  }
  const warnings =
    shape.length === 3 && Math.max(-minimum, maximum) > 1.5
      ? [
          `Expected images with values in [-1, 1] but they span ${minimum.toPrecision(3)} to ${maximum.toPrecision(3)}`,
        ]
      : []
  return { tensor, name, shape, mirror, meanNorm, warnings }
}

/** The settings of a new run: what was given, else the preset's. */
function freshConfig(options: TrainOptions, data: LoadedData): RunConfig {
  const name = options.preset ?? presetForData(data.shape)
  expectOneOf('preset', name, PRESETS)
  const base = preset(name)
  const { seed = 0, mirror = data.mirror, keep = 3 } = options
  expectSeed('seed', seed)
  const constants = { ...PUBLISHED, ...base.flow, ...options.flow }
  const derived = hyperParameters(data.meanNorm, product(data.shape), constants)
  const config: RunConfig = {
    preset: name,
    data: data.name,
    shape: [...data.shape],
    network: options.network ? checkShape(options.network, data.shape) : fitNetwork(base.network, data.shape),
    flow: { ...derived, ...constants },
    training: withGiven(base.training, options),
    seed: String(seed),
    mirror,
    keep,
  }
  return checkConfig(config)
}

function checkShape(network: NetworkConfig, shape: readonly number[]): NetworkConfig {
  const takes = itemShape(network)
  if (takes.join() !== shape.join()) {
    throw new RangeError(
      `Expected the network to take items of [${shape.join(', ')}] as the data has but it takes [${takes.join(', ')}]`,
    )
  }
  return network
}

/** The settings of a run that goes on: those it was started with; only its length and its records may change. */
function resumedConfig(options: TrainOptions, before: RunConfig): RunConfig {
  const fixed = ['batchSize', 'smallBatchSize', 'learningRate', 'warmup', 'clipNorm', 'emaRate'] as const
  for (const name of fixed) {
    const given = options[name]
    if (given !== undefined && given !== before.training[name]) {
      throw otherThanStarted(name, before.training[name], given)
    }
  }
  const { network, flow = {} } = options
  if (network) expectSameNetwork(before.network, network, 'The given network')
  const given = { seed: options.seed?.toString(), preset: options.preset, mirror: options.mirror, ...flow }
  const started = { ...before.flow, seed: before.seed, preset: before.preset, mirror: before.mirror }
  for (const [name, value] of Object.entries(given)) {
    const expected = started[name as keyof typeof started]
    if (value !== undefined && value !== expected) throw otherThanStarted(name, expected, value)
  }
  if (options.data.shape.join() !== before.shape.join() || options.data.name !== before.data) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected the data of the run, ${before.data} [${before.shape.join(', ')}], but received ${options.data.name} [${options.data.shape.join(', ')}]`,
    )
  }
  const { steps, checkpointEvery, sampleEvery, evaluationCount } = options
  const training = withGiven(before.training, {
    ...(steps !== undefined && { steps }),
    ...(checkpointEvery !== undefined && { checkpointEvery }),
    ...(sampleEvery !== undefined && { sampleEvery }),
    ...(evaluationCount !== undefined && { evaluationCount }),
  })
  return checkConfig({ ...before, training, keep: options.keep ?? before.keep })
}

function otherThanStarted(name: string, expected: unknown, received: unknown): RangeError {
  return new RangeError(
    `Expected ${name} to be ${expected} as the run was started with but received ${received}: start another run for other settings`,
  )
}

function withGiven(base: TrainingSettings, given: Partial<TrainingSettings>): TrainingSettings {
  const names = Object.keys(base) as (keyof TrainingSettings)[]
  return Object.fromEntries(
    names.map((name) => [name, given[name] ?? base[name]]),
  ) as unknown as TrainingSettings
}

function checkConfig(config: RunConfig): RunConfig {
  const { training } = config
  expectInteger('steps', training.steps, 1, 1e9)
  expectInteger('batchSize', training.batchSize, 1, 1e7)
  expectInteger('smallBatchSize', training.smallBatchSize, 1, training.batchSize)
  expectNumber('learningRate', training.learningRate, 0, 10)
  expectInteger('warmup', training.warmup, 0, 1e9)
  expectNumber('clipNorm', training.clipNorm, 0, Number.POSITIVE_INFINITY)
  expectNumber('emaRate', training.emaRate, 0, 1)
  expectInteger('checkpointEvery', training.checkpointEvery, 1, 1e9)
  expectInteger('sampleEvery', training.sampleEvery, 0, 1e9)
  expectInteger('evaluationCount', training.evaluationCount, 0, 1e6)
  expectInteger('keep', config.keep, 1, 1e6)
  return config
}

/** One training run under way. */
class Run {
  readonly #folder: RunFolder
  readonly #config: RunConfig
  readonly #data: Tensor
  readonly #trainer: Trainer
  readonly #device: string
  readonly #threads: number
  #step: number
  #saved: number

  constructor(
    folder: RunFolder,
    config: RunConfig,
    data: Tensor,
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
    if (due && this.#step < training.steps && !signal?.aborted) {
      const path = this.#folder.picture(this.#step)
      await this.#draw(this.#pictureSamples, path, signal).catch((error: unknown) => {
        // An untrained network may have no path to the data yet: no picture, and training goes on.
        if (!(error instanceof PfgmError && error.code === 'ERR_PFGM_NOT_FINITE') && !signal?.aborted)
          throw error
      })
      yield { type: 'picture', step: this.#step, path }
    }
  }

  get #pictureSamples(): number {
    return this.#config.shape.length === 1 ? PICTURE_POINTS : PICTURE_SAMPLES
  }

  get #model(): Omit<ModelConfig, 'network'> {
    const { flow, data } = this.#config
    return { flow, data, step: this.#step }
  }

  /** Draws samples with the averaged weights and writes their picture; returns the samples. */
  async #draw(count: number, path: string, signal: AbortSignal | undefined): Promise<Tensor<'float32'>> {
    const flow = PoissonFlow.of(this.#trainer.averaged, this.#model)
    const { images } = await flow.sample({ count, ...(signal && { signal }) })
    using shown = await images.slice(0, Math.min(count, this.#pictureSamples))
    await shown.savePng(path)
    return images
  }

  async #end(began: number, signal: AbortSignal | undefined): Promise<TrainEvent> {
    const { evaluationCount } = this.#config.training
    const picture = this.#folder.finalPicture
    const samples = Math.max(evaluationCount, this.#pictureSamples)
    using images = await this.#draw(samples, picture, signal)
    const seconds = (performance.now() - began) / 1000
    let event: TrainEvent = { type: 'end', step: this.#step, seconds, picture }
    if (evaluationCount > 1) {
      const value = await energyDistance(images, this.#data)
      const floor = await energyFloor(this.#data, samples)
      event = { ...event, distance: { value, samples, floor } }
    }
    await this.#log(event)
    return event
  }

  #batch(step: number, batchSize: number, smallBatchSize: number): Promise<Batch> {
    const { flow, seed, mirror } = this.#config
    return this.#trainer.batch(this.#data, {
      ...flow,
      seed: BigInt(seed),
      step,
      batchSize,
      smallBatchSize,
      mirror,
    })
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
    const last = this.#saved > 0 ? this.#folder.checkpoint(this.#saved) : 'none yet'
    return new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      `Expected a finite loss and gradient but step ${step + 1} has a loss of ${loss}: lower the learning rate (last good checkpoint: ${last})`,
    )
  }
}
