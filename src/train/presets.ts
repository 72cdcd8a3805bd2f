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
}

export const PRESETS = ['digits', 'toy', 'cifar10', 'cifar10-deep', 'cifar10-ncsnpp'] as const
export type PresetName = (typeof PRESETS)[number]

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

/**
 * Settings by name: `digits` (8 x 8 grey, minutes on two cores), `toy` (points in the plane), and the published
 * CIFAR-10 configurations `cifar10` (DDPM++), `cifar10-deep` (DDPM++ with 8 blocks a level, 106,633,732 parameters)
 * and `cifar10-ncsnpp`.
 */
export function preset(name: PresetName): Preset {
  expectOneOf('name', name, PRESETS)
  switch (name) {
    case 'digits':
      return {
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
      }
    case 'toy':
      return {
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
      }
    case 'cifar10':
      return { network: CIFAR10_DDPMPP, training: CIFAR10_TRAINING, flow: CIFAR10_FLOW }
    case 'cifar10-deep':
      return {
        network: { ...CIFAR10_DDPMPP, numResBlocks: 8 },
        training: CIFAR10_TRAINING,
        flow: CIFAR10_FLOW,
      }
    case 'cifar10-ncsnpp':
      return {
        network: { ...CIFAR10_DDPMPP, embedding: 'fourier', fir: true, progressiveInput: 'residual' },
        training: CIFAR10_TRAINING,
        flow: CIFAR10_FLOW,
      }
  }
}

/** The preset for data that came without one: by the shape of an item. */
export function presetForData(shape: readonly number[]): PresetName {
  if (shape.length === 1) return 'toy'
  return Math.max(...shape.slice(1)) <= 16 ? 'digits' : 'cifar10'
}

/** A network of a preset's kind, made to fit items of a shape. */
export function fitNetwork(network: NetworkConfig, shape: readonly number[]): NetworkConfig {
  const [first = 1, height, width] = shape
  if (network.kind !== 'unet') {
    if (shape.length !== 1)
      throw new RangeError(
        `Expected points for a network of points but received items of [${shape.join(', ')}]`,
      )
    return { ...network, dimensions: first }
  }
  const halvings = network.chMult.length - 1
  if (shape.length !== 3 || height !== width || height! % 2 ** halvings !== 0) {
    throw new RangeError(
      `Expected square images whose size is divisible by ${2 ** halvings} (one halving between the network's levels) but received items of [${shape.join(', ')}]`,
    )
  }
  // Attention stays at the same depth of the network.
  const ratio = height! / network.imageSize
  const attnResolutions = network.attnResolutions.map((resolution) =>
    Math.max(1, Math.round(resolution * ratio)),
  )
  return { ...network, channels: first, imageSize: height!, attnResolutions }
}
