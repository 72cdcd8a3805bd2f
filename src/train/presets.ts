import { expectOneOf } from '../check.js'
import type { GivenFlow } from '../flow/kinds.js'
import type { Precision } from '../native/precision.js'
import type { NetworkConfig, SongConfig, UnetConfig } from '../nn/config.js'
import type { LearningRateSchedule } from './optimizer.js'

/** Whose charges may make the field. */
export const FIELD_BATCHES = ['batch', 'full'] as const
/** One of `FIELD_BATCHES`. */
export type FieldBatch = (typeof FIELD_BATCHES)[number]

/** Everything about training that does not depend on the data. What is out of its range is a RangeError. */
export interface TrainingSettings {
  /** Optimizer steps in all, 1 to 1e9. */
  readonly steps: number
  /** Items whose charges make the field of a step, 1 to 1e7: B of the paper. */
  readonly batchSize: number
  /** The first of them, which are perturbed and learned from: 1 to `batchSize`. Default the preset's, or all where it is more. */
  readonly smallBatchSize: number
  /**
   * Parts that what a step learns from goes through the network in, one after the other: their gradients add up to the
   * step's, in as much less memory. 1 to `smallBatchSize`. Default 1.
   */
  readonly accumulate: number
  /** Whether activations inside of blocks are made again on the pass back rather than kept: less memory for more time. */
  readonly checkpointActivations: boolean
  /**
   * What products of the network's layers are rounded to; weights, normalisation, loss and optimizer are float32 whatever it
   * is. `bfloat16` is faster on GPUs and on processors that multiply it, AVX-512 BF16 or AMX. Default float32.
   */
  readonly precision: Precision
  /** Which items' charges make the field: those of the batch, or `full`: all of the data, whatever `batchSize` is. */
  readonly fieldBatch: FieldBatch
  /** The largest, 0 to 10. */
  readonly learningRate: number
  /**
   * How it goes on after the warm-up: `constant`, down to 0 at the last step by a `cosine` or as a line (`linear`), or with the
   * root of the steps (`invsqrt`). Default constant.
   */
  readonly learningRateSchedule: LearningRateSchedule
  /** Steps over which the learning rate rises from 0: 0 to 1e9. */
  readonly warmup: number
  /** Largest norm of the gradient, from 0; 0 for any. */
  readonly clipNorm: number
  /** Decay of the weights' moving average, 0 to 1; that of update n is at most (1 + n) / (10 + n). */
  readonly emaRate: number
  /** With labels: share of the items, 0 to 1, that are learned from as if of no class, so that samples can be guided. */
  readonly labelDropout: number
  /** Steps between checkpoints, 1 to 1e9. */
  readonly checkpointEvery: number
  /**
   * Steps between measurements of the model on the way, which are left out where they would take more than a tenth of the
   * training's time; up to 1e9, 0 for none. Default 0, or `checkpointEvery` where a validation or a best model is asked for.
   */
  readonly evaluateEvery: number
  /** Steps between pictures of samples, up to 1e9; 0 for none. */
  readonly sampleEvery: number
  /**
   * Samples drawn to measure their distance to the data, up to 1e6, at the end, and on the way where that is asked for; 0 for
   * none.
   */
  readonly evaluationCount: number
}

/** How a run is set up where it is not told otherwise. */
export interface Preset {
  /** The network. */
  readonly network: NetworkConfig
  /** How it is trained. */
  readonly training: TrainingSettings
  /** Constants of the flow that are not derived from the data. */
  readonly flow?: GivenFlow
  /** Whether levels, width and batch follow the pictures, so that a step takes about as long for those of any size. */
  readonly adapts?: boolean
  /** Whether classes are learned where the data have any and nothing else is said. */
  readonly labels?: boolean
}

/** What presets leave as it is: all of a batch at once, its activations kept, a rate that stays, nothing measured on the way. */
const USUAL = {
  accumulate: 1,
  checkpointActivations: false,
  precision: 'float32',
  learningRateSchedule: 'constant',
  evaluateEvery: 0,
} as const

/** The published CIFAR-10 DDPM++ (61,805,572 parameters). */
const CIFAR10_DDPMPP: UnetConfig = {
  kind: 'unet',
  channels: 3,
  imageSize: 32,
  nf: 128,
  chMult: [1, 2, 2, 2],
  numResBlocks: 4,
  attnResolutions: [16],
  dropout: 0.1,
  embedding: 'positional',
  fourierScale: 16,
  fir: false,
  progressiveInput: 'none',
  skipRescale: true,
  initScale: 0,
  centered: true,
}

/**
 * In the plane the prior's |x| / z_max has no mean: with what the published formulas give for points near 1, half of all
 * starts lie beyond upper_norm; here one in 90. And gamma is what fields of such points are, not of images.
 */
const TOY_FLOW = { M: 350, zMax: 5, upperNorm: 450, gamma: 0.5, zExp: 5 }

const CIFAR10_FLOW = { M: 291, zMax: 40, upperNorm: 3000 }

/** As usual for classifier-free guidance (arXiv 2207.12598). */
const LABEL_DROPOUT = 0.1

const CIFAR10_TRAINING: TrainingSettings = {
  steps: 1_300_000,
  batchSize: 4096,
  smallBatchSize: 128,
  ...USUAL,
  fieldBatch: 'batch',
  learningRate: 2e-4,
  warmup: 5000,
  clipNorm: 1,
  emaRate: 0.9999,
  labelDropout: LABEL_DROPOUT,
  checkpointEvery: 2000,
  sampleEvery: 10_000,
  evaluationCount: 0,
}

/** EDM's DDPM++, without the 1152 weights of augmented training, which is not done here. */
const EDM_DDPMPP: SongConfig = {
  kind: 'song',
  channels: 3,
  imageSize: 32,
  labels: 0,
  augment: 0,
  modelChannels: 128,
  channelMult: [2, 2, 2],
  numBlocks: 4,
  attnResolutions: [16],
  dropout: 0.13,
  embedding: 'positional',
  channelMultNoise: 1,
  encoder: 'standard',
  fir: false,
}

const EDM_FLOW = { kind: 'edm', sigmaData: 0.5 } as const

/** EDM counts images: it learns from 200 million, the first 10 million warm up, and the average's half-life is 500,000. */
const edmTraining = (batch: number, learningRate: number): TrainingSettings => ({
  ...CIFAR10_TRAINING,
  steps: 200e6 / batch,
  batchSize: batch,
  smallBatchSize: batch,
  ...USUAL,
  learningRate,
  warmup: Math.round(10e6 / batch),
  clipNorm: 0,
  emaRate: 0.5 ** (batch / 500_000),
})

/** How a run is set up where it is not told, by name. */
const SETTINGS = {
  /** 8 x 8 grey: minutes on two cores. */
  digits: {
    network: {
      ...CIFAR10_DDPMPP,
      channels: 1,
      imageSize: 8,
      nf: 32,
      chMult: [1, 2],
      numResBlocks: 1,
      attnResolutions: [4],
      dropout: 0,
    },
    training: {
      steps: 1200,
      batchSize: 512,
      smallBatchSize: 128,
      ...USUAL,
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 100,
      clipNorm: 1,
      emaRate: 0.999,
      labelDropout: LABEL_DROPOUT,
      checkpointEvery: 200,
      sampleEvery: 400,
      evaluationCount: 900,
    },
  },
  /** 28 x 28 grey, by class where the data have any: half an hour on two cores until pictures can be told, hours until they are good. */
  fashion: {
    network: {
      ...CIFAR10_DDPMPP,
      channels: 1,
      imageSize: 28,
      nf: 32,
      chMult: [1, 2, 3],
      numResBlocks: 1,
      attnResolutions: [14, 7],
      dropout: 0.05,
    },
    training: {
      steps: 20_000,
      batchSize: 1024,
      smallBatchSize: 64,
      ...USUAL,
      learningRateSchedule: 'cosine',
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 200,
      clipNorm: 1,
      emaRate: 0.9995,
      labelDropout: LABEL_DROPOUT,
      checkpointEvery: 500,
      sampleEvery: 1000,
      evaluationCount: 900,
    },
    labels: true,
  },
  /** Points in the plane. */
  toy: {
    network: { kind: 'mlp', dimensions: 2, width: 256, depth: 4 },
    training: {
      steps: 3000,
      batchSize: 1024,
      smallBatchSize: 512,
      ...USUAL,
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 100,
      clipNorm: 1,
      emaRate: 0.999,
      labelDropout: LABEL_DROPOUT,
      checkpointEvery: 500,
      sampleEvery: 1000,
      evaluationCount: 5000,
    },
    flow: TOY_FLOW,
  },
  /** Pictures on a CPU: hours on two cores. */
  small: {
    network: {
      ...CIFAR10_DDPMPP,
      channels: 1,
      imageSize: 28,
      nf: 32,
      chMult: [1, 2, 2],
      numResBlocks: 1,
      attnResolutions: [14],
      dropout: 0,
    },
    training: {
      steps: 10_000,
      batchSize: 1024,
      smallBatchSize: 32,
      ...USUAL,
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 200,
      clipNorm: 1,
      emaRate: 0.999,
      labelDropout: LABEL_DROPOUT,
      checkpointEvery: 500,
      sampleEvery: 1000,
      evaluationCount: 900,
    },
    adapts: true,
  },
  cifar10: { network: CIFAR10_DDPMPP, training: CIFAR10_TRAINING, flow: CIFAR10_FLOW },
  'cifar10-deep': {
    network: { ...CIFAR10_DDPMPP, numResBlocks: 8 },
    training: CIFAR10_TRAINING,
    flow: CIFAR10_FLOW,
  },
  'cifar10-ncsnpp': {
    network: { ...CIFAR10_DDPMPP, embedding: 'fourier', fir: true, progressiveInput: 'residual' },
    training: CIFAR10_TRAINING,
    flow: CIFAR10_FLOW,
  },
  celeba64: {
    network: { ...CIFAR10_DDPMPP, imageSize: 64 },
    training: { ...CIFAR10_TRAINING, batchSize: 512 },
    flow: { M: 291, zMax: 60, upperNorm: 6000, zExp: 1 },
  },
  lsun256: {
    network: { ...CIFAR10_DDPMPP, imageSize: 256, chMult: [1, 1, 2, 2, 4, 4], numResBlocks: 2, dropout: 0 },
    training: {
      ...CIFAR10_TRAINING,
      steps: 2_400_000,
      batchSize: 32,
      smallBatchSize: 32,
      ...USUAL,
      learningRate: 2e-5,
      // Published for the mean of all squares of an item, where a step here has half their sum.
      clipNorm: (3 * 256 ** 2 + 1) / 2,
    },
    flow: { M: 356, zMax: 100, upperNorm: 30_000, zExp: 0.1 },
  },
  'edm-cifar10': { network: EDM_DDPMPP, training: edmTraining(512, 1e-3), flow: EDM_FLOW },
  'edm-ffhq64': {
    network: { ...EDM_DDPMPP, imageSize: 64, channelMult: [1, 2, 2, 2], dropout: 0.05 },
    training: edmTraining(256, 2e-4),
    flow: EDM_FLOW,
  },
} as const satisfies Readonly<Record<string, Preset>>

/** One of `PRESETS`. */
export type PresetName = keyof typeof SETTINGS
/** The names of all presets; `preset` says what they are. */
export const PRESETS = Object.keys(SETTINGS) as readonly PresetName[]

/**
 * Settings by name: `digits` (8 x 8 grey, minutes on two cores), `fashion` (28 x 28 grey, hours), `toy` (points), `small` (pictures on a CPU), and as
 * published: PFGM's `cifar10` (DDPM++), `cifar10-deep` (DDPM++ with 8 blocks a level, 106,633,732 parameters),
 * `cifar10-ncsnpp`, `celeba64` and `lsun256` (bedrooms), and EDM's `edm-cifar10` and `edm-ffhq64`, whose flow is `edm`.
 * @throws TypeError or RangeError for another name
 */
export function preset(name: PresetName): Preset {
  expectOneOf('preset', name, PRESETS)
  return structuredClone(SETTINGS[name])
}
