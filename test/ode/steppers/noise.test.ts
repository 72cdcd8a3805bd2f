import { describe, expect, it } from 'vitest'
import type { FlowSettings } from '../../../src/flow/kinds.js'
import { ANNEALED_LANGEVIN } from '../../../src/ode/correctors/annealed-langevin.js'
import { LANGEVIN } from '../../../src/ode/correctors/langevin.js'
import { SDE_DPM_SOLVER_2M } from '../../../src/ode/multistep-methods/sde-dpm-solver.js'
import { ancestral } from '../../../src/ode/predictors/ancestral.js'
import { eulerMaruyama } from '../../../src/ode/predictors/euler-maruyama.js'
import { reverseDiffusion, reverseDiffusionFlow } from '../../../src/ode/predictors/reverse-diffusion.js'
import { uniformInLogHeight } from '../../../src/ode/schedules/uniform.js'
import type { SolverSettings } from '../../../src/ode/solver-options.js'
import type { PoissonFlow } from '../../../src/poisson-flow.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { followed } from '../../flow/followed.js'
import { exactFlow, mixtureOf } from '../../flow/golden-mixture.js'
import { SDES } from '../../flow/sdes.js'
import { denoisingFlow, gaussiansFlow } from '../../gaussians-flow.js'
import { type GoldenArray, golden, maxAbsoluteError } from '../../golden.js'

/** Noise `[draws, samples, ...]` as a pool takes it, `[samples, draws, N]`. */
async function noiseOf({ shape, values }: GoldenArray, draws: number, samples: number): Promise<Tensor> {
  const n = values.length / draws / samples
  const turned = new Float64Array(values.length)
  for (let d = 0; d < draws; d++)
    for (let i = 0; i < samples; i++)
      turned.set(values.subarray((d * samples + i) * n, (d * samples + i + 1) * n), (i * draws + d) * n)
  expect(shape.reduce((product, size) => product * size, 1)).toBe(draws * samples * n)
  return Tensor.from<'float64'>(turned, [samples, draws, n])
}

const PREDICTORS = {
  euler_maruyama: eulerMaruyama,
  reverse_diffusion: reverseDiffusion,
  reverse_diffusion_probability_flow: reverseDiffusionFlow,
  ancestral,
}

describe.each(SDES)('$name: single steps as published', ({ name, sde }) => {
  const file = golden(`rivals/steps-${name}.safetensors`)
  const [x, score, noise, times] = ['x', 'score', 'noise', 't'].map((key) => [...file.array(key).values])
  const n = 1000
  const row = (i: number) => Math.trunc(i / 12)
  const expectSteps = (key: string, steps: readonly { ofX: number; ofScore: number; ofNoise: number }[]) => {
    for (const [suffix, noisy] of [
      ['', 1],
      ['_mean', 0],
    ] as const) {
      const expected = file.array(key + suffix).values
      const ours = x!.map((value, i) => {
        const { ofX, ofScore, ofNoise } = steps[row(i)]!
        return ofX * value + ofScore * score![i]! + noisy * ofNoise * noise![i]!
      })
      const largest = Math.max(...expected.map(Math.abs))
      expect(maxAbsoluteError(ours, expected)).toBeLessThan(1e-5 * largest)
    }
  }

  it.each(Object.entries(PREDICTORS).filter(([key]) => file.names.includes(key)))('%s', (key, predictor) => {
    expectSteps(
      key,
      times!.map((t) => predictor(sde, t, n)),
    )
  })

  it.each([
    ['langevin', LANGEVIN],
    ['ald', ANNEALED_LANGEVIN],
  ])('%s', (key, corrector) => {
    const norms = (values: number[]) => times!.map((_, i) => Math.hypot(...values.slice(12 * i, 12 * i + 12)))
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const [noiseNorm, scoreNorm] = [mean(norms(noise!)), mean(norms(score!))]
    expectSteps(
      key,
      times!.map((t) => {
        const size = corrector.stepSize({ sde, t, n, snr: 0.16, noiseNorm, scoreNorm })
        return { ofX: 1, ofScore: size, ofNoise: Math.sqrt(2 * size) }
      }),
    )
  })
})

describe.each(SDES)('$name: recorded runs of the published samplers', ({ name, sde, settings }) => {
  it.each([
    ['em', 'euler-maruyama', undefined, 1],
    ['pc', 'reverse-diffusion', 'langevin', 2],
  ] as const)('%s', async (run, solver, corrector, draws) => {
    const file = golden(`rivals/${run}-${name}.safetensors`)
    const steps = Number(file.metadata.N)
    using flow = await exactFlow(mixtureOf(file), settings(Number(file.metadata.eps)))
    using noise = await noiseOf(file.array('noise'), draws * steps, 6)
    const starts = Float64Array.from(file.array('start').values, (each) => each / sde.signal(1))
    const chosen: SolverSettings = { solver, steps, ...(corrector && { corrector, norms: 'batch' }) }
    const { samples, evaluations } = await followed(flow, starts, [12], chosen, { noise })
    const expected = file.array('samples').values
    const largest = Math.max(1, ...expected.map(Math.abs))
    expect(maxAbsoluteError(samples, expected)).toBeLessThan(1e-5 * largest)
    expect([...evaluations]).toEqual(new Array(6).fill(Number(file.metadata.nfe_score)))
  })
})

it("EDM's stochastic sampler", async () => {
  const file = golden('edm/sampler-stochastic.safetensors')
  using flow = await denoisingFlow(mixtureOf(file))
  using noise = await noiseOf(file.array('noise'), 18, 6)
  const starts = Float64Array.from(file.array('latents').values, (each) => 80 * each)
  // The last step, to 0, is what is denoised at sigma_min, where nothing is added.
  const solver = { solver: 'heun', schedule: 'karras', steps: 17 } as const
  const churn = { churn: 40, churnMin: 0.05, churnMax: 50, churnNoise: 1.003 }
  const { samples, evaluations } = await followed(flow, starts, [12], { ...solver, ...churn }, { noise })
  expect(maxAbsoluteError(samples, file.array('sample').values)).toBeLessThan(1e-10)
  expect([...evaluations]).toEqual(new Array(6).fill(35))
})

/** Data of one Gaussian in 64 dimensions, off the origin. */
const [DIMENSIONS, DEVIATION, CENTRE] = [64, 0.4, 0.3]
const GAUSSIAN = { centres: [new Array(DIMENSIONS).fill(CENTRE)], deviation: DEVIATION }
const EDM = {
  kind: 'edm',
  sigmaMax: 80,
  sigmaMin: 0.002,
  sigmaData: 0.5,
  pMean: -1.2,
  pStd: 1.2,
  target: 'image',
} as const

describe('samples with noise keep the marginals of a Gaussian', () => {
  const [ve, vp, subvp] = SDES.map(({ settings }) => settings())
  const churn = { churn: 60, churnMin: 0.01, churnMax: 50 }
  type Run = [string, FlowSettings, SolverSettings]
  const usual: Run[] = [
    ['edm', EDM, { solver: 'sde-dpm2m', steps: 200 }],
    ['edm', EDM, { solver: 'heun', schedule: 'karras', steps: 240, ...churn }],
    ['vp', vp!, { solver: 'euler-maruyama', steps: 500 }],
    ['vp', vp!, { solver: 'reverse-diffusion', steps: 250, corrector: 'langevin', snr: 0.02 }],
  ]
  const long: Run[] = [
    ['vp', vp!, { solver: 'sde-dpm2m', steps: 200 }],
    ['subvp', subvp!, { solver: 'euler-maruyama', steps: 500 }],
    ['ve', ve!, { solver: 'reverse-diffusion', steps: 500 }],
    ['vp', vp!, { solver: 'ancestral', steps: 500 }],
    ['ve', ve!, { solver: 'ancestral', steps: 500 }],
    ['ve', ve!, { solver: 'reverse-diffusion', steps: 400, corrector: 'annealed-langevin', snr: 0.02 }],
  ]
  const runs = process.env.PFGM_LONG ? [...usual, ...long] : usual

  it.each(runs)('%s, %#', async (_, settings, solver) => {
    using flow = await exactFlow(GAUSSIAN, settings)
    const count = 4096
    const { images } = await flow.sample({ count, ...solver, batchSize: 4096 })
    using owned = images
    const values = await owned.data()
    const columns = Array.from({ length: DIMENSIONS }, (_, c) =>
      Float64Array.from({ length: count }, (_, i) => (values[i * DIMENSIONS + c]! - CENTRE) / DEVIATION),
    )
    const dot = (a: Float64Array, b: Float64Array) =>
      a.reduce((sum, each, i) => sum + each * b[i]!, 0) / count
    const one = new Float64Array(count).fill(1)
    // Each is a sum of squares of standard normals, if the samples are of the Gaussian.
    const means = columns.reduce((sum, column) => sum + count * dot(column, one) ** 2, 0)
    const variance = columns.reduce((sum, column) => sum + dot(column, column), 0) / DIMENSIONS
    let covariances = 0
    for (let a = 0; a < DIMENSIONS; a++)
      for (let b = 0; b < a; b++) covariances += count * dot(columns[a]!, columns[b]!) ** 2
    const pairs = (DIMENSIONS * (DIMENSIONS - 1)) / 2
    expect(Math.abs(means - DIMENSIONS) / Math.sqrt(2 * DIMENSIONS)).toBeLessThan(3)
    expect(Math.abs(covariances - pairs) / Math.sqrt(2 * pairs)).toBeLessThan(3)
    // Three standard errors of 4,096 samples in one dimension are .066; half of it is left to the steps' own error.
    expect(Math.abs(variance - 1)).toBeLessThan(0.033)
  })
})

it('SDE-DPM-Solver++ 2M has order 2', () => {
  // Of Gaussian data d = c(z) x, so that the variance of a sample is known exactly from the steps' weights.
  const c = (z: number) => DEVIATION ** 2 / (DEVIATION ** 2 + z ** 2)
  const errorOf = (steps: number): number => {
    const heights = uniformInLogHeight(10, 0.05, steps)
    // Variances of x and of the last denoised value, and their covariance.
    let [xx, xd, dd] = [DEVIATION ** 2 + 100, 0, 0]
    for (let k = 0; k < steps; k++) {
      const [from, to] = [heights[k]!, heights[k + 1]!]
      const known = k === 0 ? [from] : [from, heights[k - 1]!]
      const { ofX, ofKnown } = SDE_DPM_SOLVER_2M.weights(from, to, known)
      const [ofState, ofOlder] = [ofX + ofKnown[0]! * c(from), ofKnown[1] ?? 0]
      const noise = SDE_DPM_SOLVER_2M.noise!(from, to)
      const next = ofState ** 2 * xx + 2 * ofState * ofOlder * xd + ofOlder ** 2 * dd + noise ** 2
      // The newest denoised value is c x.
      xd = c(from) * (ofState * xx + ofOlder * xd)
      dd = c(from) ** 2 * xx
      xx = next
    }
    return Math.abs(xx - DEVIATION ** 2 - 0.05 ** 2)
  }
  const orders = [80, 160, 320].map((steps) => Math.log2(errorOf(steps) / errorOf(2 * steps)))
  for (const order of orders) expect(order).toBeGreaterThan(1.85)
})

it('a sample with noise is the same alone and among strangers, to the bit', async () => {
  using flow = await exactFlow(GAUSSIAN, SDES[1]!.settings())
  const solvers: SolverSettings[] = [
    { solver: 'sde-dpm2m', steps: 12 },
    { solver: 'heun', steps: 12, churn: 30 },
    { solver: 'euler-maruyama', steps: 12 },
    { solver: 'reverse-diffusion', steps: 25, corrector: 'langevin' },
  ]
  for (const solver of solvers) {
    const draw = async (count: number, seed: number) => {
      const { images } = await flow.sample({ count, seed, batchSize: 9, ...solver })
      using owned = images
      return owned.data()
    }
    const [many, alone] = await Promise.all([draw(30, 0), draw(1, 17)])
    expect(many.subarray(17 * DIMENSIONS, 18 * DIMENSIONS), solver.solver).toEqual(alone)
    expect(new Set(many).size, solver.solver).toBe(30 * DIMENSIONS)
  }
})

it.each([
  { solver: 'ancestral', steps: 40 },
  { solver: 'sde-dpm2m', steps: 40 },
] as const)('a film of $solver shows denoised images, and last the sample', async (solver) => {
  using flow = await exactFlow(GAUSSIAN, SDES[1]!.settings())
  const { images, film } = await flow.sample({ count: 2, ...solver, film: { frames: 5 } })
  const frames = await film!.images.data()
  const frame = (i: number) => frames.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS)
  if (solver.solver === 'ancestral') expect(frame(4)).toEqual((await images.data()).subarray(0, DIMENSIONS))
  // Of this data they are between its centre and the sample all the way.
  for (let i = 0; i < 4; i++)
    expect(frame(i).every((value) => Math.abs(value - CENTRE) < 5 * DEVIATION)).toBe(true)
  for (const tensor of [images, film!.images]) tensor.dispose()
})

it.each([14, 27, 53, 56, 58, 500])(
  'the first of %i discrete steps is the last of the table',
  async (steps) => {
    for (const { sde } of SDES) {
      const tMin = sde.time(sde.height(1e-3))
      const first = sde.time(sde.height(1))
      const n = 1 + (1 - tMin) / ((first - tMin) / (steps - 1))
      expect(sde.discretized(first, n).G).toBeCloseTo(sde.discretized(1, steps).G, 6)
    }
  },
)

it('steps with noise may begin around images', async () => {
  using flow = await exactFlow(GAUSSIAN, SDES[1]!.settings())
  using images = await Tensor.from<'float32'>(new Float32Array(2 * DIMENSIONS).fill(CENTRE), [2, DIMENSIONS])
  for (const solver of ['ancestral', 'euler-maruyama', 'sde-dpm2m'] as const) {
    const { images: drawn } = await flow.sample({ from: { z: 0.5, images }, solver, steps: 30 })
    expect((await drawn.data()).every((value) => Math.abs(value - CENTRE) < 5 * DEVIATION)).toBe(true)
    drawn.dispose()
  }
})

it('a solver that a flow cannot be followed by is refused', async () => {
  using poisson = await gaussiansFlow({ centres: [[0, 0]], deviation: 0.1 }, 40)
  const refused = (flow: PoissonFlow, solver: SolverSettings) =>
    expect(flow.sample({ count: 1, ...solver })).rejects
  await refused(poisson, { solver: 'ancestral' }).toThrow(
    'Expected a flow of an SDE (ve, vp, subvp) for the solver ancestral',
  )
  await refused(poisson, { solver: 'sde-dpm2m' }).toThrow('Expected a flow with Gaussian noise')
  await refused(poisson, { solver: 'heun', churn: 10 }).toThrow('Expected a flow with Gaussian noise')
  await refused(poisson, { solver: 'rk45', churn: 10 }).toThrow('Expected no churn for the solver rk45')
  await refused(poisson, { solver: 'heun', snr: 0.1 }).toThrow('Expected no snr for the solver heun')
  await refused(poisson, { solver: 'heun', churnNoise: 2 }).toThrow('Expected churn beside churnNoise')
  await refused(poisson, { solver: 'ancestral', snr: 0.1 }).toThrow('Expected corrector beside snr')
  await refused(poisson, { solver: 'ancestral', schedule: 'karras' }).toThrow('Expected no schedule')
  using vp = await exactFlow(GAUSSIAN, SDES[1]!.settings())
  await refused(vp, { solver: 'ancestral', steps: 12 }).toThrow(
    'Expected more steps for the solver ancestral',
  )
  using subvp = await exactFlow(GAUSSIAN, SDES[2]!.settings())
  await refused(subvp, { solver: 'ancestral' }).toThrow('Expected a flow of kind ve or vp')
})
