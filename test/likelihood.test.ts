import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Dataset, datasets } from '../src/data/index.js'
import { memory } from '../src/device.js'
import { logPriorDensity } from '../src/flow/pfgm.js'
import type { LikelihoodOptions } from '../src/likelihood.js'
import { native } from '../src/native/native.js'
import { PoissonFlow } from '../src/poisson-flow.js'
import { Tensor } from '../src/tensor.js'
import { train } from '../src/train/train.js'
import { temporaryFolders } from './data/temporary.js'
import { float32, golden, maxAbsoluteError } from './golden.js'
import { publishedFlow } from './published-flow.js'

const newFolder = temporaryFolders()
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

/** A small network of two moons, trained for some seconds. */
async function twoMoons(): Promise<PoissonFlow> {
  const data = (await datasets.toy('two-moons')) as Dataset
  const out = join(await newFolder(), 'run')
  const network = { kind: 'mlp', dimensions: 2, width: 64, depth: 2 } as const
  const sizes = { batchSize: 1024, smallBatchSize: 512, evaluationCount: 0, sampleEvery: 0 }
  for await (const _ of train({ data, out, network, steps: 800, emaRate: 0.99, ...sizes })) {
    // Only the model is of interest.
  }
  return PoissonFlow.load(out)
}

/** The midpoints of `side`^2 cells of the square [-extent, extent]^2. */
function grid(side: number, extent: number): Promise<Tensor<'float64'>> {
  const at = (i: number) => ((i + 0.5) / side - 0.5) * 2 * extent
  const points = Array.from({ length: side * side }, (_, i) => [at(i % side), at(Math.floor(i / side))])
  return Tensor.from<'float64'>(Float64Array.from(points.flat()), [side * side, 2])
}

describe('of points in the plane', () => {
  let flow: PoissonFlow
  beforeAll(async () => {
    flow = await twoMoons()
  }, 60_000)

  it('the density integrates to 1', { timeout: 240_000 }, async () => {
    const [side, extent] = [50, 1.4]
    using points = await grid(side, extent)
    const { logLikelihoods } = await flow.logLikelihood(points, { batchSize: 65536 })
    const cell = ((2 * extent) / side) ** 2
    const integral = logLikelihoods.reduce((sum, nats) => sum + Math.exp(nats) * cell, 0)
    expect(Math.abs(integral - 1)).toBeLessThan(0.01)
  })

  it('both estimates of the divergence agree within the standard error', { timeout: 120_000 }, async () => {
    const { values } = await datasets.toy('two-moons', { count: 64 })
    using points = await Tensor.from<'float32'>(values as Float32Array, [64, 2])
    // The solver's own error must be small beside the probes'.
    const options = { rtol: 1e-5, atol: 1e-5 }
    const exact = await flow.logLikelihood(points, options)
    const estimated = await flow.logLikelihood(points, { ...options, divergence: 'hutchinson', probes: 16 })
    expect([exact.divergence, estimated.divergence]).toEqual(['exact', 'hutchinson'])
    const scores = estimated.logLikelihoods.map(
      (nats, i) => (nats - exact.logLikelihoods[i]!) / estimated.standardErrors[i]!,
    )
    expect(Math.max(...scores.map(Math.abs))).toBeLessThan(4.5)
    // 16 probes make Student's t with 15 degrees of freedom, of variance 15 / 13.
    const square = scores.reduce((sum, score) => sum + score ** 2, 0) / scores.length
    expect(square).toBeGreaterThan(0.6)
    expect(square).toBeLessThan(1.8)
  })
})

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
    const options = { divergence: 'hutchinson', probes: 1, rtol: 1e-3, atol: 1e-3 } as const
    const found = await flow.logLikelihood(images, { ...options, levels: 17 })
    const [nats] = found.logLikelihoods
    expect(found.bitsPerDimension[0]).toBeCloseTo(-nats! / 64 / Math.LN2 + Math.log2(17 / 2), 10)
    expect(found.standardErrors).toEqual(Float64Array.of(Number.NaN))
    // The published constant differs by the ratio of two spheres' areas.
    const published = await flow.logLikelihood(images, { ...options, levels: 17, constant: 'published' })
    const shift = logPriorDensity(1, 64, 1, 'published') - logPriorDensity(1, 64, 1)
    expect(published.logLikelihoods[0]! - nats!).toBeCloseTo(shift, 10)
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
