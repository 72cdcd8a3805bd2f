import { expect, it } from 'vitest'
import { denoisingFlow } from '../gaussians-flow.js'
import { golden, maxAbsoluteError } from '../golden.js'
import { learnedFrom, squaredLoss } from './denoising.js'
import { followed } from './followed.js'
import { mixtureOf } from './golden-mixture.js'

it("Heun's 18 steps of the published sampler, and its evaluations", async () => {
  const file = golden('edm/sampler-deterministic.safetensors')
  using flow = await denoisingFlow(mixtureOf(file))
  const starts = Float64Array.from(file.array('latents').values, (each) => 80 * each)
  // The last step, to 0, is what is denoised at sigma_min.
  const settings = { solver: 'heun', schedule: 'karras', rho: 7, steps: 17 } as const
  const { samples, evaluations } = await followed(flow, starts, [12], settings)
  expect(maxAbsoluteError(samples, file.array('sample').values)).toBeLessThan(1e-10)
  expect([...evaluations]).toEqual(new Array(6).fill(35))
})

it('what the network takes and learns', async () => {
  const file = golden('edm/loss.safetensors')
  const sigma = file.array('sigma')
  const draws = { sigma, gaussian: file.array('noise') }
  const { points, x, z, target } = await learnedFrom(file.array('images'), draws)
  expect(maxAbsoluteError(points, file.array('noised').values)).toBeLessThan(1e-5)
  expect(maxAbsoluteError(x, file.array('network_input').values)).toBeLessThan(1e-5)
  expect(maxAbsoluteError(z, file.array('c_noise').values)).toBeLessThan(1e-6)
  const loss = 2 * squaredLoss(file.array('network_output').values, target, sigma.values.length)
  expect(loss / file.array('loss_total').values[0]! - 1).toBeCloseTo(0, 5)
})
