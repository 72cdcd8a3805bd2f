import { Network } from '../src/nn/network.js'
import { PoissonFlow } from '../src/poisson-flow.js'
import { goldenJson, loadWeights, publishedNetwork } from './golden.js'

/** The trained digits network of the goldens, as a flow. */
export async function publishedFlow(): Promise<PoissonFlow> {
  const network = await Network.create(publishedNetwork('ddpmpp-digits/config.json'))
  await loadWeights(network, 'ddpmpp-digits/ema-weights.safetensors')
  const { training, sampling } =
    goldenJson<Record<'training' | 'sampling', Record<string, number>>>('ddpmpp-digits/config.json')
  const flow = {
    sigma: 0.01,
    tau: training.tau!,
    M: training.M!,
    restrictM: true,
    gamma: training.gamma!,
    zMax: sampling.z_max!,
    zMin: sampling.z_min!,
    upperNorm: sampling.upper_norm!,
    zExp: sampling.z_exp!,
  }
  return PoissonFlow.of(network, { data: 'digits', step: 1500, flow })
}
