import type { FlowSettings } from '../../src/flow/kinds.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { gaussiansDenoiser, type UnequalMixture } from '../gaussians-flow.js'
import type { golden } from '../golden.js'

/** The mixture that a golden's figures are of. */
export function mixtureOf(file: ReturnType<typeof golden>): UnequalMixture {
  const means = file.array('mixture.means')
  const [count, n] = means.shape as [number, number]
  return {
    centres: Array.from({ length: count }, (_, i) => [...means.values.subarray(i * n, (i + 1) * n)]),
    deviation: [...file.array('mixture.stds').values],
    weights: [...file.array('mixture.weights').values],
  }
}

/** The exact flow of a mixture, of a kind whose noise is Gaussian. */
export async function exactFlow(mixture: UnequalMixture, flow: FlowSettings): Promise<PoissonFlow> {
  return PoissonFlow.of(await gaussiansDenoiser(mixture), { data: 'gaussians', step: 0, flow })
}
