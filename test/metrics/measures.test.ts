import { describe, expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { golden } from '../golden.js'

// Figures of torch-fidelity 0.4, prdc 0.2, POT 0.9 and scipy 1.17 for features of 400 samples and 500 items.
const published = golden('metrics/metrics.safetensors')
const expected = (name: string): number => Number(published.metadata[name])
const indices = (name: string): Promise<Tensor> => {
  const { values, shape } = published.indices(name)
  return Tensor.from(values, shape)
}
const rows = (name: string): Promise<Tensor> => {
  const { values, shape } = published.array(name)
  return Tensor.from(values as Float32Array, shape)
}

const fake = await rows('fake')
const real = await rows('real')

async function gaussian(features: Tensor) {
  const moments = new Tensor(native().noMoments(features.shape[1]!))
  // In parts, as sets come.
  for (let first = 0; first < features.shape[0]!; first += 170) {
    using part = await features.slice(first, Math.min(170, features.shape[0]! - first))
    await native().addMoments(moments.handle, part.handle, first)
  }
  const { mean, covariance } = await native().gaussianOf(moments.handle)
  return { moments, mean: mean.id, covariance: covariance.id }
}

describe('published figures', () => {
  it('Frechet distance, also from a singular covariance', async () => {
    const [one, other] = [await gaussian(fake), await gaussian(real)]
    const distance = await native().frechetDistance(one, other)
    expect(Math.abs(distance / expected('frechet_scipy') - 1)).toBeLessThan(1e-8)
    const { value } = await native().frechetEstimate(one.moments.handle, other)
    expect(value).toBeCloseTo(distance, 10)

    const few = await selected(real, published.indices('frechet_singular_indices').values)
    const singular = await native().frechetDistance(await gaussian(few), one)
    expect(Math.abs(singular / expected('frechet_singular_torch_fidelity') - 1)).toBeLessThan(1e-6)
  })

  it('kernel distance', async () => {
    const distances = await native().kernelDistances(
      fake.handle,
      real.handle,
      (await indices('kid_indices_fake')).handle,
      (await indices('kid_indices_real')).handle,
    )
    const subsets = published.array('kid_per_subset').values
    for (const [i, distance] of [...distances].entries()) {
      expect(Math.abs(distance - Number(subsets[i]))).toBeLessThan(1e-10)
    }
    const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length
    expect(Math.abs(mean - expected('kid_mean'))).toBeLessThan(1e-10)
  })

  it('inception score', async () => {
    const probabilities = await rows('probabilities')
    for (const splits of [1, 10]) {
      const scores = [...(await native().inceptionScores(probabilities.handle, splits))]
      const mean = scores.reduce((sum, value) => sum + value, 0) / splits
      const deviation = Math.sqrt(scores.reduce((sum, value) => sum + (value - mean) ** 2, 0) / splits)
      expect(Math.abs(mean - expected(`inception_score_${splits}_mean`))).toBeLessThan(1e-10)
      expect(Math.abs(deviation - expected(`inception_score_${splits}_std`))).toBeLessThan(1e-10)
    }
  })

  it.each([3, 5])('precision, recall, density and coverage of %i neighbours, exactly', async (k) => {
    const found = await native().manifolds(fake.handle, real.handle, k)
    for (const name of ['precision', 'recall', 'density', 'coverage'] as const) {
      expect(found[name].value).toBeCloseTo(expected(`${name}_k${k}`), 12)
    }
  })

  it('sliced Wasserstein distance, of equal and unequal sizes', async () => {
    const directions = await rows('directions')
    const equal = [await fake.slice(0, 200), await real.slice(0, 200)] as const
    for (const p of [1, 2]) {
      const measured = async (samples: Tensor, data: Tensor) =>
        (await native().slicedWasserstein(samples.handle, data.handle, directions.handle, p, false)).value
      const unequal = await measured(fake, real)
      expect(Math.abs(unequal - expected(`sliced_wasserstein_p${p}`))).toBeLessThan(1e-10)
      const alike = await measured(...equal)
      expect(Math.abs(alike - expected(`sliced_wasserstein_equal_p${p}`))).toBeLessThan(1e-10)
    }
  })
})

async function selected(tensor: Tensor, indices: BigInt64Array): Promise<Tensor> {
  const parts = await Promise.all([...indices].map((index) => tensor.slice(Number(index), 1)))
  return Tensor.concat(parts)
}
