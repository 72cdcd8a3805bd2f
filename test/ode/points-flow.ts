import { PUBLISHED } from '../../src/flow/pfgm.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'

/** A quick flow of points in the plane: a network that is not trained, whose v_z is made of v_x at all heights. */
export async function pointsFlow(): Promise<PoissonFlow> {
  const network = await Network.create({ kind: 'mlp', dimensions: 2, width: 16, depth: 2 }, { seed: 5 })
  const flow = { ...PUBLISHED, M: 200, zMax: 5, upperNorm: 40, zExp: 1e9 }
  return PoissonFlow.of(network, { data: 'points', step: 0, flow })
}
