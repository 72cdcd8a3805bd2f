import { native } from '../native/native.js'
import { Tensor } from '../tensor/tensor.js'
import type { MeasureOptions } from './energy-distance.js'
import { featureStatistics } from './evaluate.js'
import { CachedFeatures, featuresFolder } from './feature-cache.js'
import { FeatureNetwork } from './feature-network.js'
import { PictureSet } from './picture-set.js'
import { frechetEstimate, kernelDistanceOf, type Score } from './scores.js'
import { spreadOf } from './spread.js'

/**
 * Frechet distance of samples to data, by the features that come with the package for such pictures, else by the numbers of
 * the items.
 */
export async function frechetDistance(
  samples: Tensor,
  data: Tensor,
  options: MeasureOptions = {},
): Promise<number> {
  using features = await FeatureNetwork.ofItems(data.shape.slice(1))
  const settings = { ...options, ...(features && { features }) }
  using ofSamples = await featureStatistics(samples, settings)
  using ofData = await featureStatistics(data, { ...settings, cache: featuresFolder() })
  return ofSamples.frechetDistance(ofData)
}

/** The same with its standard error over ten groups of the samples. */
export async function frechetScore(
  samples: Tensor,
  data: Tensor,
  { signal }: MeasureOptions = {},
): Promise<Score> {
  using features = await FeatureNetwork.ofItems(data.shape.slice(1))
  const settings = { cache: featuresFolder(), ...(features && { features }), ...(signal && { signal }) }
  using ofData = await featureStatistics(data, settings)
  using ofSamples = new PictureSet(features)
  await ofSamples.add(samples)
  return (await frechetEstimate(ofSamples, ofData, signal)) ?? tooMany()
}

/** Kernel distance (KID), by the same features: the mean of 100 subsets. */
export async function kernelDistance(
  samples: Tensor,
  data: Tensor,
  options: MeasureOptions = {},
): Promise<number> {
  return (await kernelScore(samples, data, options)).value
}

/** The same with its standard error over the subsets. */
export async function kernelScore(
  samples: Tensor,
  data: Tensor,
  { signal }: MeasureOptions = {},
): Promise<Score> {
  using features = await FeatureNetwork.ofItems(data.shape.slice(1))
  using ofSamples = new PictureSet(features)
  using known = features && (await CachedFeatures.of(featuresFolder(), features, data))
  using ofData = new PictureSet(known)
  await ofSamples.add(samples)
  await ofData.add(data)
  const [a, b] = [await ofSamples.features(), await ofData.features()]
  if (!a || !b) return tooMany()
  const { value, error } = await kernelDistanceOf(a, b, 0, signal)
  return { value, error }
}

function tooMany(): never {
  throw new RangeError('Expected items of fewer numbers to be compared by them')
}

/** What a distance is of `count` draws from the data itself. */
export function floorOf(distance: typeof frechetDistance) {
  return async (data: Tensor, count: number, repeats: number, options: MeasureOptions) => {
    const values: number[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      using drawn = await draws(data, count, repeat)
      values.push(await distance(drawn, data, options))
    }
    return spreadOf(values)
  }
}

/** So many items, each of all alike. */
async function draws(data: Tensor, count: number, seed: number): Promise<Tensor> {
  const [items = 0, ...shape] = data.shape
  using rows = new Tensor(await native().randomSubsets(seed, count, 1, items))
  const [places, values] = [await rows.data(), await data.data()]
  const size = values.length / items
  const drawn = new (values.constructor as Float32ArrayConstructor)(count * size)
  for (const [i, place] of places.entries()) {
    const from = Number(place) * size
    drawn.set((values as Float32Array).subarray(from, from + size), i * size)
  }
  return Tensor.from(drawn, [count, ...shape]) as Promise<Tensor>
}
