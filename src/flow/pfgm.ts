import { z } from 'zod'
import { number, optionsSchema, parse, parseOptions } from '../arguments/schema.js'
import { expectInteger, expectNumber, expectOneOf } from '../check.js'
import { native } from '../native/native.js'
import type { Network } from '../nn/network.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'
import type { Denoised } from './arithmetic.js'
import { Batch, type BatchDraw, nativeDraw } from './batch.js'
import { type DataSize, type DriftOptions, type Flow, type FlowKind, NativeFlow } from './flow.js'
import { inferenceOf } from './inference.js'
import { logSphereArea } from './sphere.js'

/** The constants of a Poisson flow (arXiv 2209.11178), named as in the paper. Each is above 0 unless it says otherwise. */
export const pfgmSettingsSchema = z.strictObject({
  /** Which flow; may be left out. */
  kind: z.literal('pfgm').default('pfgm'),
  /** sigma: standard deviation of the noise before it grows. */
  sigma: z.number().positive(),
  /** tau: growth of the noise a step of m, (1 + tau)^m. */
  tau: z.number().positive(),
  /** M: largest m. */
  M: z.number().positive(),
  /** restrict_M of the published code: whether points with |eps_z| below 0.005 draw m from a shorter range, up to 0.7 M. */
  restrictM: z.boolean(),
  /** gamma: softens the normalised field near the data, v = -sqrt(N) E / (|E| + gamma). */
  gamma: z.number().positive(),
  /** z_max: height of the far plane, where samples start. */
  zMax: z.number().positive(),
  /** z_min: height at which samples have arrived, below z_max. */
  zMin: z.number().positive(),
  /** upper_norm of the published code: largest |x| of a start, at least 1. */
  upperNorm: z.number().min(1),
  /** z_exp of the published code: below this height v_z is computed from v_x. From 0, where it never is. */
  zExp: z.number().min(0),
})

/**
 * The constants of a Poisson flow (arXiv 2209.11178), named as in the paper. Each is above 0 unless it says otherwise.
 * @interface
 */
export type PfgmSettings = Readonly<z.infer<typeof pfgmSettingsSchema>>

/** What does not depend on the data, as published. */
export const PUBLISHED = { sigma: 0.01, tau: 0.03, restrictM: true, gamma: 5, zMin: 1e-3, zExp: 5 } as const

const POSITIVE = number(Number.MIN_VALUE, Number.MAX_VALUE)
const CONSTANTS_SCHEMA = optionsSchema<{ sigma?: number; tau?: number }>({ sigma: POSITIVE, tau: POSITIVE })

/**
 * M, z_max and upper_norm from the data, by the rules that arXiv 2209.11178 was published with:
 * M = int(0.75 ln(|y|^2 / (2 sqrt(N) sigma^2)) / ln(1 + tau)) + 1, z_max = sqrt(2 / pi) sigma (1 + tau)^M,
 * upper_norm = sqrt(N) sigma (1 + tau)^M.
 * @param dataNorm mean over the items of |y|, above 0
 * @param dimensions N, the number of values of an item, 1 to 2^31 - 1
 * @param constants sigma and tau, above 0. Default 0.01 and 0.03
 * @throws RangeError for other values
 */
export function hyperParameters(
  dataNorm: number,
  dimensions: number,
  constants: { sigma?: number; tau?: number } = {},
): { M: number; zMax: number; upperNorm: number } {
  const { sigma = PUBLISHED.sigma, tau = PUBLISHED.tau } = parseOptions(
    'hyperParameters',
    CONSTANTS_SCHEMA,
    constants,
  )
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
 * ln(2 z) - (N + 1)/2 ln(|x|^2 + z^2) - ln S with S the area of the unit sphere in N + 1 dimensions (arXiv 2209.11178,
 * section 3.3 and appendix A.4).
 * @param radius from 0
 * @param dimensions N, the number of values of x, 1 to 2^31 - 1
 * @param zMax above 0
 * @param constant `published`: S in N dimensions, as in the published code, with which the density is not normalised
 * @returns nats
 * @throws RangeError for other values
 */
export function logPriorDensity(
  radius: number,
  dimensions: number,
  zMax: number,
  constant: 'exact' | 'published' = 'exact',
): number {
  expectNumber('radius', radius, 0, Number.POSITIVE_INFINITY)
  expectInteger('dimensions', dimensions, 1, 2 ** 31 - 1)
  expectNumber('zMax', zMax, Number.MIN_VALUE, Number.MAX_VALUE)
  expectOneOf('constant', constant, ['exact', 'published'])
  const half = (dimensions + 1) / 2
  const area = logSphereArea(constant === 'exact' ? dimensions + 1 : dimensions)
  return Math.log(2 * zMax) - half * Math.log(radius ** 2 + zMax ** 2) - area
}

/**
 * The training target -sqrt(N) E / (|E| + gamma) of the empirical field E at (x, z), float32 `[b, N + 1]` (arXiv 2209.11178,
 * section 3.2): E = sum_i w_i ((x, z) - (y_i, 0)), w_i the shares of |(x, z) - (y_i, 0)|^-(N + 1) in their sum. Within 1e-6 of
 * float64.
 * @param sources `[B, ...]`, the charges, on the plane z = 0: float32 values, or uint8 pixels v, which stand for v / 127.5 - 1
 * @param x `[b, ...]`
 * @param z `[b]`, heights
 * @param gamma from 0. Default 5
 * @throws TypeError for other shapes and dtypes
 */
export async function fieldTarget(
  sources: Tensor<'float32'> | Tensor<'uint8'>,
  x: Tensor<'float32'>,
  z: Tensor<'float32'>,
  gamma: number = PUBLISHED.gamma,
): Promise<Tensor<'float32'>> {
  for (const [name, tensor] of Object.entries({ sources, x, z })) parse<Tensor>(name, TENSOR, tensor)
  expectNumber('gamma', gamma, 0, Number.MAX_VALUE)
  return new Tensor<'float32'>(await native().fieldTarget(sources.handle, x.handle, z.handle, gamma))
}

/** What the published code adds to v_z before it divides by it. */
const PUBLISHED_EPSILON = 1e-5

/** The farthest starts that a path may have, in units of upper_norm. */
const FARTHEST = 100

/** A Poisson flow as an ODE: dx / d(ln z) = z v_x / v_z. */
class PfgmFlow implements Flow {
  readonly heightName = 'z'
  readonly far
  readonly near
  readonly jump
  readonly farthest
  readonly #settings: PfgmSettings

  constructor(settings: PfgmSettings) {
    const { zMax, zMin, zExp, upperNorm } = settings
    this.#settings = settings
    this.far = { height: zMax, name: 'z_max' }
    this.near = { height: zMin, name: 'z_min' }
    this.jump = { height: zExp, bothSides: true }
    this.farthest = { norm: FARTHEST * upperNorm, name: `${FARTHEST} times the model's upper_norm` }
  }

  /** |x|^2 / z_max^2 ~ BetaPrime(N/2, 1/2), direction uniform, |x| clipped to [1, upper_norm]. */
  async prior(keys: BigUint64Array, dimensions: number, temperature = 1): Promise<Tensor<'float64'>> {
    const { zMax, upperNorm } = this.#settings
    const most = Math.max(1, temperature * upperNorm)
    return new Tensor<'float64'>(await native().pfgmPrior(keys, dimensions, temperature * zMax, most))
  }

  logPrior(radius: number, dimensions: number, constant: 'exact' | 'published'): number {
    return logPriorDensity(radius, dimensions, this.#settings.zMax, constant)
  }

  /** (arXiv 2302.04265, section 3.2, with D = 1.) */
  async perturb(data: Tensor, keys: BigUint64Array, z: number): Promise<Tensor<'float64'>> {
    return new Tensor<'float64'>(await native().perturbTo(data.handle, keys, z, this.#settings.upperNorm))
  }

  drift(network: Network, { published, ...how }: DriftOptions = {}): NativeFlow {
    const { gamma, zExp, upperNorm } = this.#settings
    const epsilon = published ? PUBLISHED_EPSILON : 0
    const normalised = published === 'likelihood'
    const config = { gamma, zExp, upperNorm, epsilon, normalised, inference: inferenceOf(how) }
    return new NativeFlow(native().createPfgmFlow(network.handle, config))
  }

  /** Points perturbed by x = y + u |eps_x| (1 + tau)^m and the field's targets there (arXiv 2209.11178, algorithm 1). */
  async batch(data: Tensor, draw: BatchDraw, device: string): Promise<Batch> {
    const { gamma, sigma, tau, M, restrictM } = this.#settings
    const settings = { ...nativeDraw(draw), gamma, sigma, tau, M, restrictM }
    return new Batch(await native().makeBatch(data.handle, settings, device))
  }
}

/** x - z v_x / v_z, with v_z below z_exp of v_x alone (native/flow/pfgm_formula.h). */
function pfgmDenoised<V>(
  { gamma, zExp, upperNorm }: PfgmSettings,
  { ops, x, height: z, dimensions, network }: Denoised<V>,
): V {
  const field = network(x, z)
  const rootN = Math.sqrt(dimensions)
  const farthest = FARTHEST * upperNorm
  const n = ops.divide(ops.sqrt(ops.squareNorm(field.x)), ops.constant(rootN))
  const bounded = ops.min(n, ops.constant(farthest / (farthest + gamma)))
  const beyond = ops.subtract(ops.constant(1), bounded)
  const distance = ops.divide(ops.multiply(ops.constant(gamma), bounded), beyond)
  const length = ops.sqrt(ops.add(ops.multiply(distance, distance), ops.multiply(z, z)))
  const ofX = ops.divide(ops.multiply(ops.constant(-rootN), z), ops.add(length, ops.constant(gamma)))
  const v_z = ops.whereBelow(z, ops.constant(zExp), ofX, field.z!)
  return ops.subtract(x, ops.multiply(field.x, ops.divide(z, v_z)))
}

export const PFGM: FlowKind<PfgmSettings> = {
  kind: 'pfgm',
  schema: pfgmSettingsSchema.refine(({ zMin, zMax }) => zMin < zMax, { path: ['zMin'], error: 'below zMax' }),
  settingsFor(given: Partial<PfgmSettings>, { meanNorm, dimensions }: DataSize) {
    const constants = { ...PUBLISHED, ...given }
    const { sigma, tau } = constants
    return { ...hyperParameters(meanNorm, dimensions, { sigma, tau }), ...constants }
  },
  ofSize: ['M', 'zMax', 'upperNorm'],
  create: (settings) => new PfgmFlow(settings),
  output: 'field',
  denoised: pfgmDenoised,
}
