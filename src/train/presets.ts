import { expectOneOf } from '../check.js'
import type { GivenFlow } from '../flow/kinds.js'
import type { NetworkConfig, UnetConfig } from '../nn/config.js'

export const FIELD_BATCHES = ['batch', 'full'] as const
export type FieldBatch = (typeof FIELD_BATCHES)[number]

/** Everything about training that does not depend on the data. */
export interface TrainingSettings {
  /** Optimizer steps in all. */
  readonly steps: number
  /** Items whose charges make the field of a step: B of the paper. */
  readonly batchSize: number
  /** The first of them, which are perturbed and learned from. */
  readonly smallBatchSize: number
  /** Which items' charges make the field: those of the batch, or `full`: all of the data, whatever `batchSize` is. */
  readonly fieldBatch: FieldBatch
  readonly learningRate: number
  /** Steps over which the learning rate rises from 0. */
  readonly warmup: number
  /** Largest norm of the gradient. */
  readonly clipNorm: number
  /** Final decay of the weights' moving average. */
  readonly emaRate: number
  /** Steps between checkpoints. */
  readonly checkpointEvery: number
  /** Steps between pictures of samples; 0 for none. */
  readonly sampleEvery: number
  /** Samples drawn at the end to measure their distance to the data; 0 for none. */
  readonly evaluationCount: number
}

export interface Preset {
  readonly network: NetworkConfig
  readonly training: TrainingSettings
  /** Constants of the flow that are not derived from the data. */
  readonly flow?: GivenFlow
  /** Whether levels, width and batch follow the pictures, so that a step takes about as long for those of any size. */
  readonly adapts?: boolean
}

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

const CIFAR10_TRAINING: TrainingSettings = {
  steps: 1_300_000,
  batchSize: 4096,
  smallBatchSize: 128,
  fieldBatch: 'batch',
  learningRate: 2e-4,
  warmup: 5000,
  clipNorm: 1,
  emaRate: 0.9999,
  checkpointEvery: 2000,
  sampleEvery: 10_000,
  evaluationCount: 0,
}

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
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 100,
      clipNorm: 1,
      emaRate: 0.999,
      checkpointEvery: 200,
      sampleEvery: 400,
      evaluationCount: 900,
    },
  },
  /** Points in the plane. */
  toy: {
    network: { kind: 'mlp', dimensions: 2, width: 256, depth: 4 },
    training: {
      steps: 3000,
      batchSize: 1024,
      smallBatchSize: 512,
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 100,
      clipNorm: 1,
      emaRate: 0.999,
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
      fieldBatch: 'batch',
      learningRate: 1e-3,
      warmup: 200,
      clipNorm: 1,
      emaRate: 0.999,
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
} as const satisfies Readonly<Record<string, Preset>>

export type PresetName = keyof typeof SETTINGS
export const PRESETS = Object.keys(SETTINGS) as readonly PresetName[]

/**
 * Settings by name: `digits` (8 x 8 grey, minutes on two cores), `toy` (points), `small` (pictures on a CPU), and the
 * published CIFAR-10 configurations `cifar10` (DDPM++), `cifar10-deep` (DDPM++ with 8 blocks a level, 106,633,732
 * parameters) and `cifar10-ncsnpp`.
 * @throws TypeError or RangeError for another name
 */
export function preset(name: PresetName): Preset {
  expectOneOf('preset', name, PRESETS)
  return structuredClone(SETTINGS[name])
}
