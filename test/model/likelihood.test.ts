import { describe, expect, it, vi } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { logPriorDensity } from '../../src/flow/pfgm.js'
import type { LikelihoodOptions, LikelihoodResult } from '../../src/model/likelihood.js'
import { memory } from '../../src/native/device.js'
import { native } from '../../src/native/native.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { gaussiansFlow, logDensity } from '../gaussians-flow.js'
import { float32, golden, maxAbsoluteError } from '../golden.js'
import { someOf } from '../long.js'
import { pfgmSettings } from '../pfgm-settings.js'
import { publishedFlow } from '../published-flow.js'

const file = golden('ddpmpp-digits/likelihood.safetensors')

it('agrees with the published code in its form', async () => {
  using flow = await publishedFlow()
  using images = await float32(file.array('x'))
  const { shape, values } = file.array('probe')
  using probes = await float32({ shape: [shape[0]!, 1, ...shape.slice(1)], values })
  const { bitsPerDimension, evaluations } = await flow.logLikelihood(images, {
    probes,
    rtol: 1e-4,
    atol: 1e-4,
    variable: 'z',
    batchTolerance: 'joint',
    constant: 'published',
    publishedEpsilon: true,
  })
  expect(maxAbsoluteError(bitsPerDimension, file.array('bpd').values)).toBeLessThan(1e-3)
  expect(new Set(evaluations)).toEqual(new Set([Number(file.metadata.nfe)]))
})

describe('of a Gaussian, whose field is known in closed form', () => {
  // So far up, the prior, which is of a point, is the Gaussian's own density to N (N + 1) s^2 / 2 z^2: 1e-6.
  const [count, zMax] = [32, 2000]

  it.each(someOf(2, [1, 3, 6]))(
    'both estimators agree with the analytic value in %d dimensions',
    async (n) => {
      const mixture = { centres: [new Array<number>(n).fill(0)], deviation: 0.4 }
      using flow = await gaussiansFlow(mixture, zMax)
      const values = gaussianPoints(n, mixture.deviation, count)
      using points = await Tensor.from<'float64'>(values, [count, n])
      const analytic = Array.from({ length: count }, (_, i) =>
        logDensity(mixture, [...values.subarray(i * n, (i + 1) * n)], pfgmSettings(flow).zMin),
      )
      const options = { rtol: 1e-6, atol: 1e-6 }
      const exact = await flow.logLikelihood(points, { ...options, divergence: 'exact' })
      expect(maxAbsoluteError(exact.logLikelihoods, analytic)).toBeLessThan(5e-5)

      // Of fewer probes the spread would be uncertain: what they give is far from normal.
      const probes = n === 1 ? 2 : 64
      const estimated = await flow.logLikelihood(points, { ...options, divergence: 'hutchinson', probes })
      // In one dimension signs square to 1, and the estimate is exact.
      if (n === 1) return expect(maxAbsoluteError(estimated.logLikelihoods, analytic)).toBeLessThan(5e-5)
      expectWithinErrors(estimated, analytic)
    },
  )
})

/** Draws of an isotropic Gaussian around 0 by Box and Muller, the same every time. */
function gaussianPoints(n: number, deviation: number, count: number): Float64Array {
  const draw = (i: number) => {
    const [u, v] = [(0.754877666 * (i + 1)) % 1, (0.569840296 * (i + 1)) % 1]
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v)
  }
  return Float64Array.from({ length: count * n }, (_, i) => deviation * draw(i))
}

function expectWithinErrors({ logLikelihoods, standardErrors }: LikelihoodResult, truth: ArrayLike<number>) {
  const scores = logLikelihoods.map((nats, i) => (nats - truth[i]!) / standardErrors[i]!)
  expect(Math.max(...scores.map(Math.abs))).toBeLessThan(4.5)
  const square = scores.reduce((sum, score) => sum + score ** 2, 0) / scores.length
  expect(square).toBeGreaterThan(0.4)
  expect(square).toBeLessThan(1.9)
}

describe('logLikelihood()', () => {
  it('an image has its own probes and steps, whoever shares its batch', async () => {
    using flow = await publishedFlow()
    using images = await float32(file.array('x'))
    using last = await images.slice(4, 1)
    using five = await images.slice(0, 5)
    const options = { rtol: 1e-3, atol: 1e-3, probes: 2 }
    const many = await flow.logLikelihood(five, { ...options, seed: 10, batchSize: 2 })
    const one = await flow.logLikelihood(last, { ...options, seed: 14 })
    expect(one.logLikelihoods[0]).toBe(many.logLikelihoods[4])
    expect(one.standardErrors[0]).toBe(many.standardErrors[4])
    const other = await flow.logLikelihood(last, { ...options, seed: 15 })
    expect(other.logLikelihoods[0]).not.toBe(one.logLikelihoods[0])
  })

  it('likelihoods at the same time share their network calls, each as it is alone', async () => {
    using flow = await gaussiansFlow({ centres: [[0, 0, 0]], deviation: 0.4 }, 100)
    using points = await Tensor.from<'float64'>(gaussianPoints(3, 0.4, 6), [6, 3])
    const measure = (seed: number) =>
      flow.logLikelihood(points, { divergence: 'hutchinson', probes: 2, seed, batchSize: 4 })
    const calls = vi.spyOn(native(), 'evaluateDrifts')
    const alone = [await measure(1), await measure(100)]
    const apart = calls.mock.calls.length
    const together = await Promise.all([measure(1), measure(100)])
    const shared = calls.mock.calls.length - apart
    calls.mockRestore()
    expect(together.map(({ logLikelihoods }) => logLikelihoods)).toEqual(
      alone.map(({ logLikelihoods }) => logLikelihoods),
    )
    expect(shared).toBeLessThan(0.7 * apart)
  })

  it('an image without a path is an error, or NaN where that is asked for', async () => {
    using flow = await gaussiansFlow({ centres: [[0, 0]], deviation: 0.4 }, 100)
    using points = await Tensor.from<'float64'>(Float64Array.of(0.1, 0.2, Number.NaN, 0), [2, 2])
    using first = await points.slice(0, 1)
    await expect(flow.logLikelihood(points)).rejects.toMatchObject({ code: 'ERR_PFGM_NOT_FINITE' })
    const alone = await flow.logLikelihood(first)
    const both = await flow.logLikelihood(points, { keepNotFinite: true })
    expect(both.status).toEqual(['done', 'notFinite'])
    expect([...both.logLikelihoods]).toEqual([alone.logLikelihoods[0], Number.NaN])
  })

  it('dequantisation spreads each grey level over its own interval, evenly', async () => {
    const pixels = Uint8Array.from({ length: 4 * 1024 }, (_, i) => i % 256)
    using images = await Tensor.from<'uint8'>(pixels, [4, 1024])
    const draw = async (keys: bigint[]) => {
      const info = await native().dequantize(images.handle, BigUint64Array.from(keys), 256)
      using values = new Tensor<'float64'>(info)
      return (await values.data()).map((x, i) => (x + 1) * 128 - pixels[i]!)
    }
    const places = await draw([1n, 2n, 3n, 1n])
    expect(places.every((u) => u > 0 && u < 1)).toBe(true)
    expect(Math.abs(places.reduce((sum, u) => sum + u, 0) / places.length - 0.5)).toBeLessThan(0.02)
    expect(places.subarray(3 * 1024)).toEqual(places.subarray(0, 1024))
    expect(places.subarray(1024, 2048)).not.toEqual(places.subarray(0, 1024))
  })

  it('bits per dimension follow from ln p and the number of grey levels', async () => {
    using flow = await PoissonFlow.load('digits')
    const { values } = await datasets.digits()
    using images = await Tensor.from<'uint8'>((values as Uint8Array).slice(0, 64), [1, 1, 8, 8])
    // Joint steps are the published ones, whatever the constant.
    const published = { batchTolerance: 'joint', rtol: 1e-3, atol: 1e-3 } as const
    const options = { divergence: 'hutchinson', probes: 1, ...published } as const
    const found = await flow.logLikelihood(images, { ...options, levels: 17 })
    const [nats] = found.logLikelihoods
    expect(found.bitsPerDimension[0]).toBeCloseTo(-nats! / 64 / Math.LN2 + Math.log2(17 / 2), 10)
    expect(found.standardErrors).toEqual(Float64Array.of(Number.NaN))
    // The published constant differs by the ratio of two spheres' areas.
    const other = await flow.logLikelihood(images, { ...options, levels: 17, constant: 'published' })
    const shift = logPriorDensity(1, 64, 1, 'published') - logPriorDensity(1, 64, 1)
    expect(other.logLikelihoods[0]! - nats!).toBeCloseTo(shift, 10)
  })

  const wrong: [string, LikelihoodOptions, string][] = [
    ['no probes', { probes: 0 }, 'Expected probes to be an integer from 1 to 1000 but received 0'],
    ['an unknown divergence', { divergence: 'guess' as never }, 'Expected divergence to be one of auto'],
    ['one grey level', { levels: 1 }, 'Expected levels to be an integer from 2 to 65536 but received 1'],
    ['an unknown variable', { variable: 't' as never }, 'Expected variable to be one of ln z, z'],
  ]
  it.each(wrong)('refuses %s, and keeps nothing', async (_, options, message) => {
    using flow = await publishedFlow()
    using images = await float32(file.array('x'))
    const before = memory().handles
    await expect(flow.logLikelihood(images, options)).rejects.toThrow(message)
    expect(memory().handles).toBe(before)
  })

  it('refuses probes for other images, and stops where it is told to', async () => {
    using flow = await publishedFlow()
    using images = await float32(file.array('x'))
    const before = memory().handles
    using probes = await float32(file.array('probe'))
    await expect(flow.logLikelihood(images, { probes })).rejects.toThrow('Expected probes to be [8, probes')
    const abort = new AbortController()
    const onProgress = () => abort.abort(new Error('enough'))
    await expect(flow.logLikelihood(images, { signal: abort.signal, onProgress })).rejects.toThrow('enough')
    expect(memory().handles).toBe(before + 1)
  })
})
