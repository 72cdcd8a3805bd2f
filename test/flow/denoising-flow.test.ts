import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import type { FlowSettings } from '../../src/flow/kinds.js'
import { Network } from '../../src/nn/network.js'
import type { SolverSettings } from '../../src/ode/solver-options.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { gaussiansDenoiser, logDensity, type Mixture } from '../gaussians-flow.js'
import { maxAbsoluteError } from '../golden.js'
import { someOf } from '../long.js'
import { eventsOf, newOut } from '../train/runs.js'

const MIXTURE: Mixture = {
  centres: [
    [-0.55, 0.2],
    [0.55, -0.2],
  ],
  deviation: 0.2,
}
const POINTS = Float64Array.of(-0.5, 0.3, 0.1, 0.2, 0.9, -0.4, -0.2, -0.6, 0.6, 0)

/** ln of the mixture with Gaussian noise of a deviation. */
function logGaussians({ centres, deviation }: Mixture, x: readonly number[], sigma: number): number {
  const variance = deviation ** 2 + sigma ** 2
  const squares = centres.map((c) => c.reduce((sum, at, i) => sum + (x[i]! - at) ** 2, 0))
  const sum = squares.reduce((all, square) => all + Math.exp(-square / (2 * variance)), 0)
  return Math.log(sum / centres.length) - (x.length / 2) * Math.log(2 * Math.PI * variance)
}

/** The flows of the family, from the usual distance and from so far away that the prior is the data's own to 1e-6. */
const SIGMAS = { sigmaMin: 0.002, sigmaData: 0.5, pMean: -1.2, pStd: 1.2, target: 'image' } as const
const SDE = { likelihoodWeighting: false, target: 'image', coordinates: 'scaled' } as const
const BETAS = { betaMin: 0.1, tMin: 1e-3, ...SDE }
const VE_SIGMAS = { sigmaMin: 0.02, tMin: 1e-5, ...SDE }
const FLOWS: { name: string; usual: FlowSettings; far: FlowSettings; D?: number }[] = [
  {
    name: 'edm',
    usual: { kind: 'edm', sigmaMax: 80, ...SIGMAS },
    far: { kind: 'edm', sigmaMax: 1000, ...SIGMAS },
  },
  ...[1, 40.5].map((D) => {
    const settings = { kind: 'pfgmpp', D, draw: 'paper', ...SIGMAS } as const
    return {
      name: `pfgmpp, D = ${D}`,
      usual: { ...settings, sigmaMax: 80 },
      far: { ...settings, sigmaMax: 1000 },
      D,
    }
  }),
  {
    name: 've',
    usual: { kind: 've', sigmaMax: 100, ...VE_SIGMAS },
    far: { kind: 've', sigmaMax: 1000, ...VE_SIGMAS },
  },
  { name: 'vp', usual: { kind: 'vp', betaMax: 20, ...BETAS }, far: { kind: 'vp', betaMax: 30, ...BETAS } },
  {
    name: 'subvp',
    usual: { kind: 'subvp', betaMax: 20, ...BETAS },
    far: { kind: 'subvp', betaMax: 30, ...BETAS },
  },
]

describe.each(FLOWS)('$name', ({ usual, far, D }) => {
  const flowOf = async (settings: FlowSettings) =>
    PoissonFlow.of(await gaussiansDenoiser(MIXTURE, D), { data: 'gaussians', step: 0, flow: settings })

  it('likelihoods are those of the closed form', async () => {
    using flow = await flowOf(far)
    using points = await Tensor.from<'float64'>(POINTS, [5, 2])
    const analytic = Array.from({ length: 5 }, (_, i) => {
      const x = [...POINTS.subarray(2 * i, 2 * i + 2)]
      const sigma = flow.flow.near.height
      return D ? logDensity(MIXTURE, x, sigma * Math.sqrt(D), D) : logGaussians(MIXTURE, x, sigma)
    })
    const { logLikelihoods } = await flow.logLikelihood(points, {
      rtol: 1e-7,
      atol: 1e-7,
      divergence: 'exact',
    })
    expect(maxAbsoluteError(logLikelihoods, analytic)).toBeLessThan(2e-5)
  })

  it('every solver comes to the same samples', async () => {
    using flow = await flowOf(usual)
    const draw = async (settings: SolverSettings) => {
      const { images } = await flow.sample({ count: 24, ...settings })
      using owned = images
      return owned.data()
    }
    const exact = await draw({ solver: 'tsit5', rtol: 1e-9, atol: 1e-9 })
    const settings: SolverSettings[] = [
      { solver: 'adaptive-unipc', rtol: 1e-3, atol: 1e-3 },
      { solver: 'rk45' },
      { solver: 'heun', steps: 100, schedule: 'karras' },
      { solver: 'dpm2m', steps: 100 },
      { solver: 'unipc', steps: 60 },
      { solver: 'deis', steps: 60 },
    ]
    for (const each of settings)
      expect(maxAbsoluteError(await draw(each), exact), JSON.stringify(each)).toBeLessThan(0.01)
  })

  it('what is encoded is decoded to itself, without the noise of sigma_min', async () => {
    using flow = await flowOf(usual)
    // Near the data: with D = 1 a point that lies apart is noise, and what is denoised elsewhere.
    const near = Float64Array.of(-0.5, 0.3, -0.6, 0.1, 0.65, -0.3, 0.55, -0.2)
    using points = await Tensor.from<'float64'>(near, [4, 2])
    const { encodings } = await flow.encode(points, { rtol: 1e-6, atol: 1e-6 })
    using owned = encodings
    const { images } = await flow.decode(owned, { rtol: 1e-6, atol: 1e-6 })
    using decoded = images
    expect(maxAbsoluteError(await decoded.data(), near)).toBeLessThan(0.002)
  })

  it('a sample is the same alone and among others, to the bit', async () => {
    using flow = await flowOf(usual)
    const { images } = await flow.sample({ count: 40, seed: 5 })
    const all = await images.data()
    images.dispose()
    const alone = await flow.sample({ count: 1, seed: 37 })
    expect(await alone.images.data()).toEqual(all.subarray(64, 66))
    alone.images.dispose()
  })
})

describe('training', () => {
  const options = {
    network: { kind: 'mlp', dimensions: 2, width: 64, depth: 2, output: 'image' },
    batchSize: 256,
    smallBatchSize: 256,
    learningRate: 2e-3,
    evaluationCount: 0,
    sampleEvery: 0,
  } as const

  const flows = [
    { kind: 'edm' },
    { kind: 'pfgmpp', D: 24, target: 'posterior' },
    { kind: 'subvp', coordinates: 'published' },
    { kind: 'vp', likelihoodWeighting: true },
    { kind: 'pfgmpp', D: 1.5 },
    { kind: 'edm', target: 'posterior' },
    { kind: 've' },
  ] as const
  it.each(someOf(2, flows))('%j: learns, and goes on to the same bits', async (flow) => {
    const data = await datasets.toy('two-moons', { count: 2000 })
    const [whole, broken] = [newOut(), newOut()]
    const events = await eventsOf({ ...options, data, flow, out: whole, steps: 300 })
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))
    const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
    expect(mean(losses.slice(-50))).toBeLessThan(0.95 * mean(losses.slice(0, 20)))
    await eventsOf({ ...options, data, flow, out: broken, steps: 150 })
    await eventsOf({ ...options, data, flow, out: broken, steps: 300, resume: true })
    using first = await PoissonFlow.load(whole)
    using second = await PoissonFlow.load(broken)
    expect(first.config.flow).toMatchObject(flow)
    const drawn = await Promise.all(
      [first, second].map((model) =>
        model.sample({ count: 8, solver: 'heun', schedule: 'karras', steps: 18 }),
      ),
    )
    const [a, b] = await Promise.all(drawn.map(({ images }) => images.data()))
    expect(b).toEqual(a)
    expect(a!.every((value) => Math.abs(value) < 5)).toBe(true)
    for (const { images } of drawn) images.dispose()
  })

  it('the deviation of the data is sigma_data, where none is given', async () => {
    const values = Float32Array.from({ length: 4000 }, (_, i) => 0.3 + 0.7 * (i % 2 ? 1 : -1))
    const data = await datasets.array(values, [2])
    const out = newOut()
    await eventsOf({ ...options, data, flow: { kind: 'edm' }, out, steps: 1 })
    using model = await PoissonFlow.load(out)
    expect(model.config.flow).toMatchObject({ sigmaData: expect.closeTo(0.7, 5) })
  })
})

it('a network that gives something else is refused', async () => {
  using field = await Network.create({ kind: 'mlp', dimensions: 2, width: 8, depth: 1 })
  const flow = { kind: 'edm', sigmaMax: 80, ...SIGMAS } as const
  expect(() => PoissonFlow.of(field, { data: '', step: 0, flow })).toThrow(
    'Expected a network whose output is image, as edm needs, but received one of field',
  )
  const data = await datasets.toy('two-moons', { count: 100 })
  const network = { kind: 'mlp', dimensions: 2, width: 8, depth: 1, output: 'image' } as const
  await expect(eventsOf({ data, network, out: newOut(), steps: 1 })).rejects.toThrow('whose output is field')
})

it('settings that mean nothing are refused, by name', async () => {
  const data = await datasets.toy('two-moons', { count: 100 })
  const failure = (flow: object) => expect(eventsOf({ data, flow, out: newOut(), steps: 1 } as never)).rejects
  await failure({ kind: 'pfgmpp', D: 0.5 }).toThrow('Expected flow.D')
  await failure({ kind: 'edm', sigmaMin: 90 }).toThrow('Expected flow.sigmaMin to be below sigmaMax')
  await failure({ kind: 'edm', gamma: 5 }).toThrow('flow')
  await failure({ kind: 'vp', betaMin: 3, betaMax: 2 }).toThrow(
    'Expected flow.betaMax to be from betaMin to 1000',
  )
  await failure({ kind: 'ddpm' }).toThrow('Expected flow.kind to be one of pfgm, pfgmpp, edm, ve, vp, subvp')
})
