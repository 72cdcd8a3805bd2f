import type { FlowSettings } from '../src/flow/kinds.js'
import { logGamma } from '../src/flow/sphere.js'
import type { GaussiansConfig } from '../src/nn/config.js'
import { Network } from '../src/nn/network.js'
import { PoissonFlow } from '../src/poisson-flow.js'
import { giveTensors } from './given-tensors.js'

/** A mixture of isotropic Gaussians with equal weights. */
export interface Mixture {
  readonly centres: readonly (readonly number[])[]
  readonly deviation: number
}

/** One whose Gaussians differ. */
export interface UnequalMixture {
  readonly centres: readonly (readonly number[])[]
  readonly deviation: number | number[]
  readonly weights?: number[]
}

/** Its exact field as a network. */
export async function gaussiansNetwork(mixture: Mixture, gamma = 5): Promise<Network> {
  return withCentres(mixture, { gamma })
}

/** Its exact denoiser under the kernel of D extra dimensions, or of infinitely many. */
export async function gaussiansDenoiser(mixture: UnequalMixture, D?: number): Promise<Network> {
  const { weights } = mixture
  return withCentres(mixture, { gamma: 0, output: 'denoised', ...(weights && { weights }), ...(D && { D }) })
}

/** Its exact flow: EDM, or PFGM++ of D extra dimensions. */
export async function denoisingFlow(
  mixture: UnequalMixture,
  { D, ...given }: { D?: number; sigmaMax?: number; sigmaMin?: number } = {},
): Promise<PoissonFlow> {
  const settings = {
    sigmaMax: 80,
    sigmaMin: 0.002,
    sigmaData: 0.5,
    pMean: -1.2,
    pStd: 1.2,
    target: 'image' as const,
    ...given,
  }
  const flow: FlowSettings = D
    ? { kind: 'pfgmpp', D, draw: 'paper', ...settings }
    : { kind: 'edm', ...settings }
  return PoissonFlow.of(await gaussiansDenoiser(mixture, D), { data: 'gaussians', step: 0, flow })
}

async function withCentres(
  { centres, deviation }: UnequalMixture,
  config: Pick<GaussiansConfig, 'gamma' | 'output' | 'weights' | 'D'>,
): Promise<Network> {
  const [components, dimensions] = [centres.length, centres[0]!.length]
  const network = await Network.create({ kind: 'gaussians', dimensions, components, deviation, ...config })
  const values = Float32Array.from(centres.flat())
  await giveTensors(network.handle, { centres: { shape: [components, dimensions], values } })
  return network
}

/**
 * Its exact flow.
 * @param zMax so far away that the prior, which is that of a point at 0, is the data's own
 * @param zExp below which v_z is made of v_x, which is only nearly right, so that the drift jumps there
 */
export async function gaussiansFlow(mixture: Mixture, zMax: number, zExp = 0): Promise<PoissonFlow> {
  const flow = { sigma: 0.01, tau: 0.03, M: 300, restrictM: true, gamma: 5, zMin: 1e-3, zExp }
  const network = await gaussiansNetwork(mixture, flow.gamma)
  return PoissonFlow.of(network, { data: 'gaussians', step: 0, flow: { ...flow, zMax, upperNorm: 1e9 } })
}

/** The toy data `eight-gaussians`. */
export const EIGHT_GAUSSIANS: Mixture = {
  centres: Array.from({ length: 8 }, (_, i) => [
    0.8 * Math.cos((i * Math.PI) / 4),
    0.8 * Math.sin((i * Math.PI) / 4),
  ]),
  deviation: 0.05,
}

/** A flow whose drift jumps halfway down, in ln z. */
export const jumpingFlow = (): Promise<PoissonFlow> => gaussiansFlow(EIGHT_GAUSSIANS, 8, 1)

/**
 * ln of a mixture's density at distance r in D extra dimensions: the data's convolved with the kernel, which is that of
 * r x / g with x ~ N(0, I) and g the length of a standard normal vector of D dimensions, so that the density is a mean over
 * g of Gaussians' of variance s^2 + r^2 / g^2. For D = 1 it is Poisson's, and r is z.
 */
export function logDensity({ centres, deviation }: Mixture, x: readonly number[], r: number, D = 1): number {
  const n = x.length
  const squares = centres.map((c) => c.reduce((sum, at, i) => sum + (x[i]! - at) ** 2, 0))
  // By the trapezoid rule in ln g. Towards 0 the integrand falls as g^(n+D) from where r / g is the largest length.
  const reach = r + deviation + Math.sqrt(Math.max(...squares))
  const [first, last, pieces] = [Math.log(r / reach) - 40 / (n + D), Math.log(Math.sqrt(D) + 9), 4000]
  const step = (last - first) / pieces
  const constant = Math.log(2) * (1 - D / 2) - logGamma(D / 2)
  let sum = 0
  for (let i = 0; i <= pieces; i++) {
    const g = Math.exp(first + i * step)
    const variance = deviation ** 2 + (r / g) ** 2
    const weight = Math.exp(constant + D * Math.log(g) - g ** 2 / 2)
    const scale = (2 * Math.PI * variance) ** (-n / 2) / centres.length
    for (const square of squares) sum += weight * scale * Math.exp(-square / (2 * variance))
  }
  return Math.log(sum * step)
}
