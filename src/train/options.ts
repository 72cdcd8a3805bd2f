import { z } from 'zod'
import {
  kind,
  list,
  number,
  oneOf,
  optionsSchema,
  parseOptions,
  SEED,
  SIGNAL,
  SWITCH,
  TEXT,
} from '../arguments/schema.js'
import { expectPath, unexpected } from '../check.js'
import type { AnyDataset } from '../data/dataset.js'
import type { GivenFlow } from '../flow/kinds.js'
import { DEVICE, type Device } from '../native/device.js'
import { PRECISIONS } from '../native/precision.js'
import type { NetworkConfig } from '../nn/config.js'
import { BEST_METRICS, type BestMetric } from './best-metrics.js'
import { LEARNING_RATE_SCHEDULES } from './optimizer.js'
import { PRESETS, type PresetName, type TrainingSettings } from './presets.js'

/** What is trained, on what, and how. Settings that are not given are those of the preset. */
export interface TrainOptions extends Partial<TrainingSettings> {
  /** What is learned from. */
  data: AnyDataset
  /** The run's folder: made where it is not there; must not hold a run unless `resume`. */
  out: string
  /** Where settings come from that are not given; by the data's shape where not given. */
  preset?: PresetName
  /** The network, in place of the preset's. */
  network?: NetworkConfig
  /**
   * The flow, in place of the preset's; settings of it that are not given are as published, or from the data. Default
   * pfgm.
   */
  flow?: GivenFlow
  /**
   * A model to start from: a run folder, a model file, one of another program (`convert`), or the name of one that comes with the package. Its averaged
   * weights are the first weights, its network and its flow those of the run, as far as they fit the data; optimizer,
   * average and steps begin anew.
   */
  initFrom?: string
  /**
   * Whether the classes of the data are learned, so that samples can be drawn by class: the network takes labels then.
   * Default false.
   */
  labels?: boolean
  /** Of the initial weights and of every draw: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /** Whether to mirror items at random; as the data set says where not given. */
  mirror?: boolean
  /**
   * Decays of further moving averages of the weights, each 0 to 1, 16 at most. They are part of every checkpoint, for
   * `PoissonFlow.load(out, { emaRate })`; what a run shows and measures is the average of `emaRate` alone.
   */
  emaRates?: readonly number[]
  /** Newest checkpoints that are kept, 1 to 1e6. Default 3. */
  keep?: number
  /**
   * The metric by which the model that is best so far is kept, as `best.safetensors` in `out`: `validation-loss` or
   * `energy-distance` or `fd`, the Frechet distance by the features that come with the package for such pictures, else by
   * the numbers of the items, of which there may be 3,072 then.
   */
  keepBest?: BestMetric
  /**
   * Items that are not learned from, whose loss is measured: a share of the data, above 0 and below 1, which the seed
   * draws, or a data set of its own.
   */
  validation?: number | AnyDataset
  /**
   * Go on from the newest whole checkpoint in `out`, with the settings it was started with; how it learns (rates, batch
   * sizes, clipping) may be given anew. `'auto'` goes on where there is a run, and begins one where there is none.
   */
  resume?: boolean | 'auto'
  /** Go on, even if the data is not what the run was started with: it has grown, or its values are others. */
  newData?: boolean
  /** Where the network is trained. Default auto. */
  device?: Device
  /**
   * Threads of the CPU's kernels, 1 to 1024. Where not given, those that the run had before, if there are as many; else all cores
   * that the process may use (a container's share counts).
   */
  threads?: number
  /**
   * Stops training, in the middle of a step, which is not taken: a checkpoint is saved, then the iteration throws the
   * signal's reason.
   */
  signal?: AbortSignal
}

/** What takes the time that it takes, as it was asked for by a number. */
export interface Asked {
  readonly pictures: boolean
  readonly evaluation: boolean
}

const DATA = 'a data set, such as `await datasets.digits()`'

/** What only has to be of its kind here is judged by value where the run's settings are made. */
const TRAIN_SCHEMA = optionsSchema<TrainOptions>({
  data: kind(DATA, isObject),
  out: TEXT,
  preset: oneOf(PRESETS),
  network: z.unknown(),
  flow: z.unknown(),
  initFrom: TEXT,
  steps: z.unknown(),
  batchSize: z.unknown(),
  smallBatchSize: z.unknown(),
  accumulate: z.unknown(),
  checkpointActivations: SWITCH,
  precision: oneOf(PRECISIONS),
  fieldBatch: z.unknown(),
  learningRate: z.unknown(),
  learningRateSchedule: oneOf(LEARNING_RATE_SCHEDULES),
  warmup: z.unknown(),
  clipNorm: z.unknown(),
  emaRate: z.unknown(),
  emaRates: list(number(0, 1), 16, 'an array of decays'),
  labelDropout: z.unknown(),
  labels: SWITCH,
  checkpointEvery: z.unknown(),
  evaluateEvery: z.unknown(),
  sampleEvery: z.unknown(),
  evaluationCount: z.unknown(),
  seed: SEED,
  mirror: SWITCH,
  keep: z.unknown(),
  keepBest: oneOf(BEST_METRICS),
  validation: kind(
    'a share of the data or a data set',
    (value) => typeof value === 'number' || isObject(value),
  ),
  resume: z.union([z.boolean(), z.literal('auto')], { error: "true, false or 'auto'" }),
  newData: SWITCH,
  device: DEVICE,
  threads: z.unknown(),
  signal: SIGNAL,
})

/** @throws TypeError or RangeError where an option is missing, unknown or of another kind */
export function trainOptions(given: TrainOptions): TrainOptions {
  const options = parseOptions('train', TRAIN_SCHEMA, given)
  if (options.data === undefined) throw new TypeError(unexpected('data', DATA, undefined))
  expectPath('out', options.out)
  if (options.initFrom !== undefined) {
    expectPath('initFrom', options.initFrom)
    if (options.network)
      throw new RangeError('Expected no network beside initFrom, whose model has one, but received both')
  }
  return options
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
