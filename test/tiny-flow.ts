import { Network } from '../src/nn/network.js'
import { PoissonFlow } from '../src/poisson-flow.js'

/** A flow of points that is quick to follow: its network is untrained, its field smooth. */
export async function tinyFlow(seed = 1): Promise<PoissonFlow> {
  const network = await Network.create({ kind: 'mlp', dimensions: 2, width: 16, depth: 1 }, { seed })
  const flow = {
    sigma: 0.01,
    tau: 0.03,
    M: 200,
    restrictM: true,
    gamma: 5,
    zMax: 4,
    zMin: 1e-3,
    upperNorm: 20,
    zExp: 5,
  }
  return PoissonFlow.of(network, { data: 'two-moons', step: 0, flow })
}
