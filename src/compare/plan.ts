import type { Precision } from '../native/precision.js'
import type { TrainingSettings } from '../train/presets.js'

/** How much of everything is done. */
export interface Plan {
  /** Which efforts of the samplers. */
  readonly efforts: 'quick' | 'large' | 'full'
  /** Of trainings and samples. */
  readonly precision: Precision
  /** Of training, by the least time of a step on this machine. */
  readonly seconds: number
  readonly seeds: number
  /** Steps of the weaker network, in the other's. */
  readonly weakSteps: number
  /** Steps of every flow whose time is measured. */
  readonly timedSteps: number
  /** The networks' width in parts of the preset's. */
  readonly narrow: number
  readonly training: Partial<TrainingSettings>
  /** Samples a point along a path without noise, and with it. */
  readonly samples: number
  readonly noisySamples: number
  /** Drawn at a time to see how long that takes. */
  readonly timedSamples: number
  /** Items whose likelihood is found, probes an item, and tolerance. */
  readonly likelihood: { readonly count: number; readonly probes: number; readonly tolerance: number }
  /** Images that the network takes in a second, about: what progress goes by. */
  readonly imagesPerSecond: number
}

export const QUICK: Plan = {
  efforts: 'quick',
  precision: 'float32',
  seconds: 4,
  seeds: 1,
  weakSteps: 1,
  timedSteps: 24,
  narrow: 2,
  training: { batchSize: 256, smallBatchSize: 64, learningRate: 2e-3, warmup: 20, emaRate: 0.98 },
  samples: 150,
  noisySamples: 60,
  timedSamples: 16,
  likelihood: { count: 16, probes: 1, tolerance: 1e-3 },
  imagesPerSecond: 8000,
}

/** Three seeds of the digits and their like; one of larger images, by fewer samplers' efforts: hours on two cores. */
export function fullPlan(shape: readonly number[]): Plan {
  const small = shape.at(-1)! <= 16
  return {
    efforts: small ? 'full' : 'large',
    precision: small ? 'float32' : 'bfloat16',
    seconds: small ? 100 : 600,
    seeds: small ? 3 : 1,
    weakSteps: small ? 1 : 0.25,
    timedSteps: small ? 48 : 16,
    narrow: 1,
    training: {},
    samples: small ? 4500 : 1000,
    noisySamples: small ? 500 : 128,
    timedSamples: small ? 64 : 16,
    likelihood: { count: small ? 256 : 32, probes: 4, tolerance: 1e-4 },
    imagesPerSecond: small ? 8000 : 300,
  }
}
