import { expect, it } from 'vitest'
import { perSampleNorm } from '../../src/ode/error-norm.js'
import { integrate } from '../../src/ode/pool/pool.js'
import { solverByName } from '../../src/ode/solver.js'
import { type SolverSettings, solverOptions } from '../../src/ode/solver-options.js'
import { createStepper } from '../../src/ode/steppers/create-stepper.js'
import { pathBetween } from '../../src/ode/steppers/path.js'
import type { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { denoisingFlow } from '../gaussians-flow.js'
import { golden, maxAbsoluteError } from '../golden.js'
import { learnedFrom, squaredLoss } from './denoising.js'

/** Samples from given starts, in float64. */
async function followed(model: PoissonFlow, starts: Float64Array, n: number, settings: SolverSettings) {
  const { near, far, endsDenoised } = model.flow
  const count = starts.length / n
  const solver = solverByName(solverOptions(settings), far.height, near.height)
  const path = pathBetween(far.height, near.height, solver.variable, undefined, endsDenoised)
  using out = await Tensor.full([count, n], 0, 'float64')
  const problem = {
    flow: model.sharedFlow(),
    heightName: 'sigma',
    count,
    from: far.height,
    to: near.height,
    device: 'cpu',
    shape: [n],
    start: () => Tensor.from<'float64'>(starts, [count, n]),
    keys: () => new BigUint64Array(count),
  }
  const options = { norm: perSampleNorm(n), capacity: count }
  const { evaluations } = await integrate(problem, path, createStepper(solver, path), out, options)
  return { samples: await out.data(), evaluations }
}

it("Heun's 18 steps of the published sampler, and its evaluations", async () => {
  const file = golden('edm/sampler-deterministic.safetensors')
  const means = file.array('mixture.means')
  const n = means.shape[1]!
  const centres = Array.from({ length: means.shape[0]! }, (_, i) => [
    ...means.values.subarray(i * n, (i + 1) * n),
  ])
  const [deviation, weights] = [
    [...file.array('mixture.stds').values],
    [...file.array('mixture.weights').values],
  ]
  using flow = await denoisingFlow({ centres, deviation, weights })
  const starts = Float64Array.from(file.array('latents').values, (each) => 80 * each)
  // The last step, to 0, is what is denoised at sigma_min.
  const settings = { solver: 'heun', schedule: 'karras', rho: 7, steps: 17 } as const
  const { samples, evaluations } = await followed(flow, starts, n, settings)
  expect(maxAbsoluteError(samples, file.array('sample').values)).toBeLessThan(1e-10)
  expect([...evaluations]).toEqual(new Array(6).fill(35))
})

it('what the network takes and learns', async () => {
  const file = golden('edm/loss.safetensors')
  const sigma = file.array('sigma')
  const draws = { sigma, gaussian: file.array('noise') }
  const kernel = { D: Number.POSITIVE_INFINITY, sigmaData: 0.5, published: false }
  const { points, x, z, target } = await learnedFrom(file.array('images'), draws, kernel)
  expect(maxAbsoluteError(points, file.array('noised').values)).toBeLessThan(1e-5)
  expect(maxAbsoluteError(x, file.array('network_input').values)).toBeLessThan(1e-5)
  expect(maxAbsoluteError(z, file.array('c_noise').values)).toBeLessThan(1e-6)
  const loss = 2 * squaredLoss(file.array('network_output').values, target, sigma.values.length)
  expect(loss / file.array('loss_total').values[0]! - 1).toBeCloseTo(0, 5)
})
