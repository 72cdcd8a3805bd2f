import { product } from '../check.js'
import { energyFloor, energyScore, type MeasureOptions } from '../metrics/energy-distance.js'
import {
  floorOf,
  frechetDistance,
  frechetScore,
  kernelDistance,
  kernelScore,
} from '../metrics/feature-distances.js'
import type { Score } from '../metrics/scores.js'
import type { Tensor } from '../tensor/tensor.js'

/** A distance of samples to data; smaller is better. */
export interface Metric {
  readonly title: string
  /** What it is, for readers of figures. */
  readonly rule: string
  /** Whether it is of features: pictures of many numbers are not compared by those. */
  readonly ofFeatures?: true
  readonly measure: (samples: Tensor, data: Tensor, options: MeasureOptions) => Promise<Score>
  /** Of as many draws from the data itself, where that is known. */
  readonly floor?: (
    data: Tensor,
    count: number,
    repeats: number,
    options: MeasureOptions,
  ) => Promise<{ mean: number; deviation: number }>
}

const BY_FEATURES =
  'between features, of 28 x 28 grey pictures those of the classifier that comes with the package, of others their pixels,'

/** Items that samples are compared with, spread over the data: each is compared with every other, too. */
export const MOST_COMPARED = 10_000

/** Up to so many a picture's features are compared: of 3,072 a single point would take more than a minute. */
const MOST_NUMBERS = 1024

/** The first is what charts and verdicts are about; all others are columns of the tables. A new one is a line here. */
export const METRICS: Readonly<Record<string, Metric>> = {
  energyDistance: {
    title: 'energy distance',
    rule: '2 E|X - Y| - E|X - X′| - E|Y - Y′| of samples X and data Y in Euclidean distances of pixels in [0, 1]; a perfect sampler scores 0 but for chance',
    measure: energyScore,
    floor: energyFloor,
  },
  frechetDistance: {
    title: 'Frechet distance',
    ofFeatures: true,
    rule: `${BY_FEATURES} as Gaussians; the lower, the more samples`,
    measure: frechetScore,
    floor: floorOf(frechetDistance),
  },
  kernelDistance: {
    title: 'kernel distance',
    ofFeatures: true,
    rule: `${BY_FEATURES} by a cubic kernel (KID), without bias: the mean of 100 subsets`,
    measure: kernelScore,
    floor: floorOf(kernelDistance),
  },
}

export const QUALITY = 'energyDistance'

/** Those that pictures of a shape are compared by, with their keys. */
export function metricsFor(shape: readonly number[]): [string, Metric][] {
  const featured = product(shape) <= MOST_NUMBERS
  return Object.entries(METRICS).filter(([, { ofFeatures = false }]) => featured || !ofFeatures)
}
