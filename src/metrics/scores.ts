import { native } from '../native/native.js'
import { stoppable } from '../native/stoppable.js'
import { Tensor } from '../tensor/tensor.js'
import type { PictureSet } from './picture-set.js'
import type { FeatureStatistics } from './statistics.js'

/** A figure, and its standard error over the samples. */
export interface Score {
  /** The figure itself. */
  readonly value: number
  /** Its standard error. */
  readonly error: number
}

/** What is measured of samples beside data. Those of pixels compare them in [0, 1], clipped; points are as they are. */
export interface Scores {
  /** Of pixels: 2 E|X - Y| - E|X - X'| - E|Y - Y'|; 0 is best. */
  readonly energyDistance?: Score
  /** Of pixels: the root mean square of Wasserstein distances along 100 random lines; 0 is best. */
  readonly slicedWasserstein?: Score
  /**
   * Of features as Gaussians (FID of an Inception network's); 0 is best, more samples are lower.
   */
  readonly frechetDistance?: Score & {
    /** That of as many items of what was learned from. */
    readonly floor?: number
  }
  /** Of features, without bias: the mean of 100 subsets of at most 1000 or half of all (KID); its error is the mean's. */
  readonly kernelDistance?: Score & {
    /** Deviation of the subsets' distances. */
    readonly spread: number
  }
  /** exp E KL(p(class | x), p(class)) of samples; 1 to the number of classes. */
  readonly inceptionScore?: Score & {
    /** That of the data. */
    readonly ofData: number
  }
  /** Share of samples within reach of a datum (arXiv 1904.06991), by features. */
  readonly precision?: Score
  /** Share of data within reach of a sample, by features. */
  readonly recall?: Score
  /** Data within whose reach a sample is, as a share of k (arXiv 2002.09797), by features; 1 is as among the data. */
  readonly density?: Score
  /** Share of data with a sample within their reach, by features. */
  readonly coverage?: Score
  /**
   * Of pixels: how much nearer the nearest datum of the training is than the nearest of `data`: the mean of their distances'
   * ratio. 1 where samples are no nearer to what was learned from than to what was not; far below, where they are copies.
   */
  readonly memorisation?: Score
}

export interface ScoreSettings {
  /** Draws subsets and directions. */
  readonly seed: number
  /** Nearest neighbours that reach is measured by. */
  readonly neighbours: number
  readonly signal?: AbortSignal | undefined
}

/** What is compared. */
export interface Sets {
  readonly samples: PictureSet
  readonly data: PictureSet
  /** What was learned from, as many items as there are samples. */
  readonly training: PictureSet | undefined
}

type Measure = (sets: Sets, settings: ScoreSettings) => Promise<Scores>

const DIRECTIONS = 100
const SUBSETS = 100
const MOST_OF_A_SUBSET = 1000

/** All measures; adding one is a line here. */
const MEASURES: readonly Measure[] = [
  energyDistance,
  slicedWasserstein,
  frechetDistance,
  kernelDistance,
  inceptionScore,
  manifolds,
  memorisation,
]

/** Steps of `scores`, for progress. */
export const MEASURE_COUNT = MEASURES.length

/** @param onMeasured told after each measure */
export async function scores(sets: Sets, settings: ScoreSettings, onMeasured: () => void): Promise<Scores> {
  let found: Scores = {}
  for (const measure of MEASURES) {
    settings.signal?.throwIfAborted()
    found = { ...found, ...(await measure(sets, settings)) }
    onMeasured()
  }
  return found
}

async function energyDistance({ samples, data }: Sets, { signal }: ScoreSettings) {
  const [a, b] = [await samples.images(), await data.images()]
  return {
    energyDistance: await stoppable(native().energyEstimate(a.handle, b.handle, samples.pixels), signal),
  }
}

async function slicedWasserstein({ samples, data }: Sets, { seed, signal }: ScoreSettings) {
  const [a, b] = [await samples.images(), await data.images()]
  const dimensions = a.size / (a.shape[0] ?? 1)
  using directions = new Tensor(await native().randomDirections(seed, DIRECTIONS, dimensions))
  const work = native().slicedWasserstein(a.handle, b.handle, directions.handle, 2, samples.pixels)
  return { slicedWasserstein: await stoppable(work, signal) }
}

/** Undefined where there are more features than a covariance is made of. */
export async function frechetEstimate(
  samples: PictureSet,
  reference: FeatureStatistics,
  signal: AbortSignal | undefined,
): Promise<Score | undefined> {
  if (!samples.moments) return undefined
  return stoppable(native().frechetEstimate(samples.moments.handle, reference.handles), signal)
}

async function frechetDistance({ samples, data, training }: Sets, { signal }: ScoreSettings) {
  using reference = await data.statistics()
  const distance = reference && (await frechetEstimate(samples, reference, signal))
  if (!distance) return {}
  // Of fewer items it would be larger for that alone.
  using learned = training && training.count >= samples.count ? await training.statistics() : undefined
  const floor = learned && (await learned.frechetDistance(reference))
  return { frechetDistance: { ...distance, ...(floor !== undefined && { floor }) } }
}

async function kernelDistance({ samples, data }: Sets, { seed, signal }: ScoreSettings) {
  const [a, b] = [await samples.features(), await data.features()]
  return a && b ? { kernelDistance: await kernelDistanceOf(a, b, seed, signal) } : {}
}

/** Of features `[n, F]`. */
export async function kernelDistanceOf(a: Tensor, b: Tensor, seed: number, signal: AbortSignal | undefined) {
  const [[ofA = 0], [ofB = 0]] = [a.shape, b.shape]
  // At most half of what there is: subsets that are all of it do not tell how much they vary.
  const size = Math.max(2, Math.min(MOST_OF_A_SUBSET, Math.floor(Math.min(ofA, ofB) / 2)))
  using rowsOfA = new Tensor(await native().randomSubsets(seed, SUBSETS, size, ofA))
  using rowsOfB = new Tensor(await native().randomSubsets(seed + 1, SUBSETS, size, ofB))
  const distances = await stoppable(
    native().kernelDistances(a.handle, b.handle, rowsOfA.handle, rowsOfB.handle),
    signal,
  )
  const { mean, deviation } = meanAndDeviation(distances)
  return { value: mean, error: deviation / Math.sqrt(SUBSETS), spread: deviation }
}

/** Splits that its error is from, as published. */
const SPLITS = 10

async function inceptionScore({ samples, data }: Sets, { signal }: ScoreSettings) {
  const [a, b] = [await samples.probabilities(), await data.probabilities()]
  if (!a || !b) return {}
  const splits = await stoppable(native().inceptionScores(a.handle, SPLITS), signal)
  const ofData = await stoppable(
    native().inceptionScores(b.handle, Math.min(SPLITS, b.shape[0] ?? 1)),
    signal,
  )
  const { mean, deviation } = meanAndDeviation(splits)
  return {
    inceptionScore: {
      value: mean,
      error: deviation / Math.sqrt(SPLITS - 1),
      ofData: meanAndDeviation(ofData).mean,
    },
  }
}

async function manifolds({ samples, data }: Sets, { neighbours, signal }: ScoreSettings) {
  const [a, b] = [await samples.features(), await data.features()]
  if (!a || !b || Math.min(a.shape[0]!, b.shape[0]!) <= neighbours) return {}
  return stoppable(native().manifolds(a.handle, b.handle, neighbours), signal)
}

async function memorisation({ samples, data, training }: Sets, { signal }: ScoreSettings) {
  if (!training) return {}
  const [images, seen, unseen] = [await samples.images(), await training.images(), await data.images()]
  // As many of both: of more data, the nearest is nearer.
  const count = Math.min(seen.shape[0] ?? 0, unseen.shape[0] ?? 0)
  using ofSeen = await seen.slice(0, count)
  using ofUnseen = await unseen.slice(0, count)
  const near = async (items: Tensor) =>
    (await stoppable(native().nearestRows(images.handle, items.handle, 1, samples.pixels), signal)).distances
  const [toSeen, toUnseen] = [await near(ofSeen), await near(ofUnseen)]
  // A sample that is one of the data itself tells nothing.
  const ratios = toSeen
    .map((distance, i) => (distance === 0 ? 0 : distance / toUnseen[i]!))
    .filter(Number.isFinite)
  if (ratios.length === 0) return {}
  const { mean, deviation } = meanAndDeviation(ratios)
  return { memorisation: { value: mean, error: deviation / Math.sqrt(ratios.length) } }
}

/** The deviation is over all, as published scores have it. */
function meanAndDeviation(values: Float64Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / values.length) }
}
