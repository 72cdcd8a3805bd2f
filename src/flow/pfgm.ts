import { z } from 'zod'
import { expectInteger, expectNumber } from '../check.js'
import type { FlowHandle } from '../native/addon.js'
import { NativeObject, native } from '../native/native.js'
import type { Network } from '../nn/network.js'
import { Tensor } from '../tensor/tensor.js'

/** The constants of a Poisson flow (arXiv 2209.11178), named as in the paper. */
export const pfgmSettingsSchema = z.strictObject({
  /** Standard deviation of the noise before it grows. */
  sigma: z.number().positive(),
  /** Growth of the noise a step of m: (1 + tau)^m. */
  tau: z.number().positive(),
  /** Largest m. */
  M: z.number().positive(),
  /** Whether points with very small z draw m from a shorter range. */
  restrictM: z.boolean(),
  /** Softens the normalised field near the data: v = -sqrt(N) E / (|E| + gamma). */
  gamma: z.number().positive(),
  /** Height of the far plane, where samples start. */
  zMax: z.number().positive(),
  /** Height at which samples have arrived. */
  zMin: z.number().positive(),
  /** Largest |x| of a start. */
  upperNorm: z.number().min(1),
  /** Below this height v_z is computed from v_x. */
  zExp: z.number().min(0),
})

export type PfgmSettings = Readonly<z.infer<typeof pfgmSettingsSchema>>

/** What does not depend on the data, as published. */
export const PUBLISHED = { sigma: 0.01, tau: 0.03, restrictM: true, gamma: 5, zMin: 1e-3, zExp: 5 } as const

/**
 * M, z_max and upper_norm from the data.
 * @param dataNorm mean over the items of |y|
 * @param dimensions N, the number of values of an item
 */
export function hyperParameters(
  dataNorm: number,
  dimensions: number,
  constants: { sigma?: number; tau?: number } = {},
): { M: number; zMax: number; upperNorm: number } {
  const { sigma = PUBLISHED.sigma, tau = PUBLISHED.tau } = constants
  expectNumber('dataNorm', dataNorm, Number.MIN_VALUE, Number.MAX_VALUE)
  expectInteger('dimensions', dimensions, 1, 2 ** 31 - 1)
  const growth = dataNorm ** 2 / (2 * Math.sqrt(dimensions) * sigma ** 2)
  // Data closer to the origin than the noise itself still needs a range to learn from.
  const M = Math.max(Math.trunc((0.75 * Math.log(growth)) / Math.log(1 + tau)), 0) + 1
  const largest = sigma * (1 + tau) ** M
  return {
    M,
    zMax: Math.sqrt(2 / Math.PI) * largest,
    upperNorm: Math.max(Math.sqrt(dimensions) * largest, 1),
  }
}

/**
 * ln of the prior's density at |x| = radius on the plane z = z_max: the projection of the uniform hemisphere,
 * ln(2 z) - (N + 1)/2 ln(|x|^2 + z^2) - ln S with S the area of the unit sphere in N + 1 dimensions.
 * @param constant `published`: S in N dimensions, as in the published code, with which the density is not normalised
 */
export function logPriorDensity(
  radius: number,
  dimensions: number,
  zMax: number,
  constant: 'exact' | 'published' = 'exact',
): number {
  const half = (dimensions + 1) / 2
  const area = logSphereArea(constant === 'exact' ? dimensions + 1 : dimensions)
  return Math.log(2 * zMax) - half * Math.log(radius ** 2 + zMax ** 2) - area
}

/** ln of the area of the unit sphere, 2 pi^(n/2) / Gamma(n/2) in n dimensions. */
function logSphereArea(n: number): number {
  return Math.log(2) + (n / 2) * Math.log(Math.PI) - logGamma(n / 2)
}

/** ln Gamma(x), x > 0: Stirling's series after shifting the argument beyond 10, accurate to 1e-14. */
function logGamma(x: number): number {
  let shift = 0
  let y = x
  for (; y < 10; y++) shift += Math.log(y)
  const inverse = 1 / (y * y)
  const series =
    (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / y
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift
}

/**
 * Starts on the far plane, one a key, float64 `[keys, dimensions]`. A start depends on its own key alone:
 * |x|^2 / z_max^2 ~ BetaPrime(N/2, 1/2), direction uniform, |x| clipped to [1, upper_norm].
 */
export async function drawPrior(
  keys: BigUint64Array,
  dimensions: number,
  settings: PfgmSettings,
): Promise<Tensor<'float64'>> {
  return new Tensor<'float64'>(await native().pfgmPrior(keys, dimensions, settings.zMax, settings.upperNorm))
}

/**
 * The training target -sqrt(N) E / (|E| + gamma) of the empirical field E at (x, z), float32 `[b, N + 1]`.
 * @param sources `[B, ...]`, the charges, on the plane z = 0: float32 values, or uint8 pixels v, which stand for v / 127.5 - 1
 * @param x `[b, ...]`
 * @param z `[b]`
 */
export async function fieldTarget(
  sources: Tensor<'float32'> | Tensor<'uint8'>,
  x: Tensor<'float32'>,
  z: Tensor<'float32'>,
  gamma: number = PUBLISHED.gamma,
): Promise<Tensor<'float32'>> {
  expectNumber('gamma', gamma, 0, Number.MAX_VALUE)
  return new Tensor<'float32'>(await native().fieldTarget(sources.handle, x.handle, z.handle, gamma))
}

/** A network's Poisson flow as an ODE: dx / d(ln z) = z v_x / v_z. */
export class PfgmFlow extends NativeObject<FlowHandle> {
  /**
   * @param epsilon added to v_z before dividing; the published code adds 1e-5
   * @param deterministic evaluates the network in tiles of a fixed size on every device, as it always does on a CPU
   */
  constructor(network: Network, settings: PfgmSettings, { epsilon = 0, deterministic = false } = {}) {
    const { gamma, zExp, upperNorm } = settings
    super(native().createPfgmFlow(network.handle, { gamma, zExp, upperNorm, epsilon, deterministic }))
  }
}
