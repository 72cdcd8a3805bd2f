import { describe, expect, it } from 'vitest'
import type { CorrectorName, PredictorName, SolverSettings } from '../../../src/ode/solver-options.js'
import type { PoissonFlow } from '../../../src/poisson-flow.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { followed } from '../../flow/followed.js'
import { exactFlow, mixtureOf } from '../../flow/golden-mixture.js'
import { SDES } from '../../flow/sdes.js'
import { denoisingFlow } from '../../gaussians-flow.js'
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
