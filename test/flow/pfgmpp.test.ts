import { describe, expect, it } from 'vitest'
import { fieldTarget } from '../../src/flow/pfgm.js'
import { posteriorMean } from '../../src/flow/pfgmpp.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { denoisingFlow, gaussiansDenoiser } from '../gaussians-flow.js'
import { float32, golden, maxAbsoluteError, maxRelativeRowError } from '../golden.js'
import { learnedFrom, squaredLoss } from './denoising.js'

it.each([1, 64, 2048])('posterior means agree with those computed in float64, D = %i', async (D) => {
  const file = golden(`pfgmpp/posterior-mean-D${D}.safetensors`)
  const r = file.array('r').values as Float64Array
  const mean = await posteriorMean(
    await float32(file.array('sources')),
    await float32(file.array('perturbed')),
    await Tensor.from<'float64'>(r, [r.length]),
    D,
  )
  expect(maxRelativeRowError(await mean.data(), file.array('target').values, 192)).toBeLessThan(1e-6)
})

it('with D = 1 its weights are those of the Poisson field', async () => {
  const n = 20
  const values = (count: number) => Float32Array.from({ length: count * n }, (_, i) => Math.sin(i * i))
  const sources = await Tensor.from<'float32'>(values(300), [300, n])
  const x = await Tensor.from<'float32'>(values(9), [9, n])
  const z = await Tensor.from<'float32'>(new Float32Array(9).fill(0.7), [9])
  const mean = await (await posteriorMean(sources, x, z, 1)).data()
  // E is along (x - mean, z), and the target against it.
  const target = await (await fieldTarget(sources, x, z, 5)).data()
  const at = await x.data()
  for (let q = 0; q < 9; q++)
    for (let c = 0; c < n; c++) {
      const ratio = target[q * (n + 1) + c]! / target[q * (n + 1) + n]!
      expect((at[q * n + c]! - mean[q * n + c]!) / 0.7).toBeCloseTo(ratio, 4)
    }
})

it('refuses what has no meaning', async () => {
  const sources = await Tensor.from<'float32'>(new Float32Array(6), [3, 2])
  const r = await Tensor.from<'float32'>(new Float32Array(1), [1])
  const x = await Tensor.from<'float32'>(new Float32Array(2), [1, 2])
  await expect(posteriorMean(sources, x, r, 0)).rejects.toThrow('Expected D to be')
  await expect(posteriorMean(sources, x, r, Number.NaN)).rejects.toThrow('Expected D to be')
  await expect(posteriorMean(sources, r, r, 1)).rejects.toThrow('Expected x to have 2 numbers a query')
})

describe.each([1, 64, 2048])('published draws, D = %i', (D) => {
  const file = golden(`pfgmpp/perturb-D${D}.safetensors`)
  const draws = { sigma: file.array('sigma'), gaussian: file.array('gaussian'), beta: file.array('beta') }

  it.each([
    ['perturbed', true],
    ['perturbed_unclipped', false],
  ])('%s', async (key, published) => {
    const expected = file.array(key).values
    const { points } = await learnedFrom(file.array('images'), draws, { D, published })
    const largest = Math.max(...expected.map(Math.abs))
    expect(maxAbsoluteError(points, expected)).toBeLessThan(1e-5 * largest)
  })

  it('the loss', async () => {
    const { target } = await learnedFrom(file.array('images'), draws, { D, published: true })
    // What the network gives is F; the published loss is twice ours.
    const loss = 2 * squaredLoss(file.array('network_output').values, target, draws.sigma.values.length)
    expect(loss / file.array('loss_total').values[0]! - 1).toBeCloseTo(0, 4)
  })

  it('starts', async () => {
    const expected = file.array('prior_start').values
    const [count, n] = [8, 192]
    const origin = { shape: [count, n], values: new Float32Array(count * n) }
    const sigma = { shape: [count], values: new Float64Array(count).fill(80) }
    const given = { sigma, gaussian: file.array('prior_gaussian'), beta: file.array('prior_beta') }
    const { points } = await learnedFrom(origin, given, { D, published: false })
    const largest = Math.max(...expected.map(Math.abs))
    expect(maxAbsoluteError(points, expected)).toBeLessThan(1e-6 * largest)
  })
})

it.each([1, 1.5, 7, 64, 5000.3, 2 ** 31])('noise is distributed as the paper says, D = %d', async (D) => {
  // In the plane (R / r)^2 is BetaPrime(1, D/2): it exceeds t with probability (1 + t)^(-D/2).
  const count = 20_000
  const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(i))
  using noise = new Tensor<'float64'>(await native().pfgmppPrior(keys, 2, 3, D))
  const radii = [...(await noise.rowNorms())]
  const shares = radii
    .map((radius) => -Math.expm1((-D / 2) * Math.log1p(radius ** 2 / (9 * D))))
    .sort((a, b) => a - b)
  const gap = Math.max(...shares.map((share, i) => Math.abs(share - (i + 0.5) / count)))
  // Kolmogorov and Smirnov: this far in one of a million sets of draws.
  expect(gap * Math.sqrt(count)).toBeLessThan(2.7)
})

it.each([1, 1.5, 3, 64, 2048, 5000, 123456.7, Number.POSITIVE_INFINITY])(
  'the exact denoiser of points is their posterior mean, D = %d',
  async (D) => {
    const centres = [
      [0.5, -0.2, 0.1],
      [-0.6, 0.4, 0.3],
      [0.2, 0.9, -0.7],
    ]
    using network = await gaussiansDenoiser({ centres, deviation: 0 }, Number.isFinite(D) ? D : undefined)
    using sources = await Tensor.from<'float32'>(Float32Array.from(centres.flat()), [3, 3])
    for (const sigma of [0.05, 0.4, 3, 50]) {
      const values = Float32Array.from({ length: 24 }, (_, i) => Math.sin(3 * i) * (1 + sigma))
      using x = await Tensor.from<'float32'>(values, [8, 3])
      using z = await Tensor.full([8], sigma, 'float32')
      using r = await Tensor.full([8], sigma * (Number.isFinite(D) ? Math.sqrt(D) : 1), 'float64')
      const denoised = await network.forward(x, z)
      using mean = await posteriorMean(sources, x, r, D)
      expect(maxAbsoluteError(await denoised.x.data(), await mean.data())).toBeLessThan(2e-6)
      denoised.x.dispose()
    }
  },
)

it('carries its prior to the data', async () => {
  const mixture = {
    centres: [
      [-0.5, 0.3],
      [0.6, -0.1],
    ],
    deviation: [0.1, 0.3],
    weights: [1, 2],
  }
  for (const D of [1, 16]) {
    using flow = await denoisingFlow(mixture, { D })
    const { images } = await flow.sample({ count: 2000, solver: 'rk45', rtol: 1e-3, atol: 1e-3 })
    const values = await images.data()
    images.dispose()
    const first = Array.from({ length: 2000 }, (_, i) => values[2 * i]!)
    const mean = first.reduce((sum, x) => sum + x, 0) / 2000
    expect(Math.abs(mean - (2 * 0.6 - 0.5) / 3)).toBeLessThan(4 * Math.sqrt(0.33 / 2000))
  }
})
