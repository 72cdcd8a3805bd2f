import { integer, kind, oneOf, optionsSchema, SEED, SWITCH } from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { native } from '../native/native.js'
import type { Network } from '../nn/network.js'
import { jointNorm, perSampleNorm } from '../ode/error-norm.js'
import { SharedFlow } from '../ode/pool/shared-flow.js'
import type { SampleStatistics } from '../ode/pool/statistics.js'
import { solverByName } from '../ode/solver.js'
import { solverOptions } from '../ode/solver-options.js'
import { HEIGHT, LOG_HEIGHT } from '../ode/variable.js'
import { Tensor } from '../tensor/tensor.js'
import { ASCENT_FIELDS, type AscentOptions, ascend, ascentSettings } from './ascent.js'
import { conditionsOf } from './conditions.js'
import { dataState, expectImages, type ImageTensor } from './images.js'
import type { Model } from './model.js'
import { meanEvaluations, sampleKeys } from './samples.js'

/** In no more dimensions than these `divergence: 'auto'` is exact. */
const MOST_EXACT_DIMENSIONS = 16

/** How likelihoods are computed. */
export interface LikelihoodOptions extends AscentOptions {
  /**
   * How the divergence of the ODE is found. `exact`: one vector-Jacobian product a dimension. `hutchinson`: an unbiased
   * estimate from random probes (arXiv 1810.01367). `auto`: exact in up to 16 dimensions. Default auto.
   */
  divergence?: 'auto' | 'exact' | 'hutchinson'
  /**
   * hutchinson: how many probes of random signs an image gets, 1 to 1000, or the probes themselves, `[count, probes,
   * ...itemShape]`. An estimate of its error takes at least 2. Default 4.
   */
  probes?: number | Tensor<'float32'> | Tensor<'float64'>
  /** Image i draws its probes and its dequantisation from seed + i: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /**
   * Whether images are taken as grey levels v of which there are `levels`, and become 2 (v + u) / levels - 1 with one
   * draw of u uniform in (0, 1) (arXiv 1511.01844, section 3.1): the density is then a bound on the probability of the
   * levels. Default: true for uint8 images, false for others.
   */
  dequantize?: boolean
  /** Grey levels from -1 to 1, 2 to 65536: they give dequantisation and bits per dimension their scale. Default 256. */
  levels?: number
  /** Area of the unit sphere in the prior: right (`exact`), or of one dimension less, as published. Default exact. */
  constant?: 'exact' | 'published'
  /** What rk45 steps in; the published code steps in z. Default ln z. */
  variable?: 'ln z' | 'z'
  /**
   * `sample`: every image has its own steps, so its likelihood does not depend on who shares its batch. `joint`: one
   * error norm over all points and log-densities, as in the published code. Default sample.
   */
  batchTolerance?: 'sample' | 'joint'
  /** An image whose path has no end gets NaN and the status `notFinite`, rather than all an error. Default false. */
  keepNotFinite?: boolean
  /** Divides v by |v| + 1e-7 and adds 1e-5 to v_z, as the published code does. Default false. */
  publishedEpsilon?: boolean
}

export const LIKELIHOOD_SCHEMA = optionsSchema<LikelihoodOptions>({
  ...ASCENT_FIELDS,
  divergence: oneOf(['auto', 'exact', 'hutchinson']),
  probes: kind(
    'an integer from 1 to 1000, or a tensor',
    (value) => typeof value === 'number' || value instanceof Tensor,
  ),
  seed: SEED,
  dequantize: SWITCH,
  levels: integer(2, 65536),
  constant: oneOf(['exact', 'published']),
  variable: oneOf(['ln z', 'z']),
  batchTolerance: oneOf(['sample', 'joint']),
  keepNotFinite: SWITCH,
  publishedEpsilon: SWITCH,
})

/** Likelihoods, and what they cost. */
export interface LikelihoodResult extends SampleStatistics {
  /** ln p of each image, in nats, with respect to values in [-1, 1]. */
  readonly logLikelihoods: Float64Array
  /** -log2 p / N + log2(levels / 2): of 8-bit data -log2 p / N + 7. */
  readonly bitsPerDimension: Float64Array
  /** Standard error of each ln p that the probes cause, in nats: 0 where exact, NaN with one probe. */
  readonly standardErrors: Float64Array
  /** How the divergence was found. */
  readonly divergence: 'exact' | 'hutchinson'
  /** Mean number of evaluations of the drift and its divergence an image. */
  readonly nfe: number
}

/** Follows images to the far end of a flow, and the integral of the drift's divergence with them. */
export async function logLikelihood(
  model: Model,
  images: ImageTensor,
  options: LikelihoodOptions,
): Promise<LikelihoodResult> {
  const { itemShape, dimensions } = model.network
  const count = expectImages('images', images, itemShape)
  const settings = likelihoodSettings(options, images, model.network)
  const conditions = conditionsOf(model, options, count)
  const { seed, levels, divergence, constant, given } = settings
  const columns = divergence === 'exact' ? 1 : settings.probes
  const joint = settings.batchTolerance === 'joint'
  const { near, far, jump } = model.flow
  const named = solverOptions({ solver: 'rk45', rtol: settings.rtol, atol: settings.atol })
  const { states, statistics } = await ascend(model, images, {
    flow: flowOf(model, settings),
    // The published code's steps go across the jump.
    jump: joint || constant === 'published' ? undefined : jump,
    shape: [dimensions + columns],
    solver: {
      ...solverByName(named, near.height, far.height),
      variable: settings.variable === 'z' ? HEIGHT : LOG_HEIGHT,
    },
    pool: {
      norm: joint ? jointNorm(dimensions + columns, 0) : perSampleNorm(dimensions + columns),
      capacity: joint ? count : settings.batchSize,
      keepNotFinite: settings.keepNotFinite,
      signal: options.signal,
      onStep: options.onProgress,
    },
    async start(some, first) {
      if (!settings.dequantize) return dataState(some, columns)
      const keys = sampleKeys(seed, first, some.shape[0]!)
      using values = new Tensor<'float64'>(await native().dequantize(some.handle, keys, levels))
      return dataState(values, columns)
    },
    rows: (first, added) => ({
      // Given probes are found by their places.
      keys: sampleKeys(given ? 0n : seed, first, added),
      ...conditions(first, added),
    }),
  })
  using ends = states
  const { radii, integrals } = await native().readLikelihood(ends.handle, dimensions)
  const estimates = Array.from(radii, (_, i) => integrals.subarray(i * columns, (i + 1) * columns))
  // ln p(data) = ln prior(x at the far end) + the integral of div(dx/dz) dz.
  const logLikelihoods = radii.map((radius, i) =>
    statistics.status[i] === 'notFinite'
      ? Number.NaN
      : model.flow.logPrior(radius, dimensions, constant) + mean(estimates[i]!),
  )
  return {
    logLikelihoods,
    bitsPerDimension: logLikelihoods.map((nats) => -nats / (dimensions * Math.LN2) + Math.log2(levels / 2)),
    standardErrors: Float64Array.from(estimates, (values) =>
      divergence === 'exact' ? 0 : standardError(values),
    ),
    divergence,
    nfe: meanEvaluations(statistics.evaluations),
    ...statistics,
  }
}

/** A flow with its divergence: shared by all likelihoods of as many probes, but for probes that are given. */
function flowOf(model: Model, settings: ReturnType<typeof likelihoodSettings>): SharedFlow {
  const { publishedEpsilon, divergence, probes, given } = settings
  const options = { published: publishedEpsilon ? ('likelihood' as const) : undefined }
  if (!given) return model.sharedFlowWithDivergence(options, divergence === 'exact' ? 'exact' : probes)
  return new SharedFlow(() => {
    using drift = model.flow.drift(model.network, options)
    return drift.withDivergence({ exact: divergence === 'exact', probes, given: given.handle })
  })
}

function likelihoodSettings(options: LikelihoodOptions, images: ImageTensor, network: Network) {
  const { divergence = 'auto', probes = 4, seed = 0, levels = 256, constant = 'exact' } = options
  const { dequantize = images.dtype === 'uint8', variable = 'ln z', batchTolerance = 'sample' } = options
  const { publishedEpsilon = false, keepNotFinite = false } = options
  const given = probes instanceof Tensor ? expectProbes(probes, images, network) : undefined
  if (!given) expectInteger('probes', probes, 1, 1000)
  const few = network.dimensions <= MOST_EXACT_DIMENSIONS && !given
  return {
    ...ascentSettings(options),
    divergence: divergence === 'auto' ? (few ? ('exact' as const) : ('hutchinson' as const)) : divergence,
    probes: given ? given.shape[1]! : (probes as number),
    given,
    seed: BigInt(seed),
    levels,
    dequantize,
    constant,
    variable,
    batchTolerance,
    publishedEpsilon,
    keepNotFinite,
  }
}

function expectProbes(
  probes: Tensor<'float32'> | Tensor<'float64'>,
  images: ImageTensor,
  network: Network,
): Tensor {
  const [count, each = 0, ...shape] = probes.shape
  if (count !== images.shape[0] || each < 1 || shape.join() !== network.itemShape.join()) {
    throw new TypeError(
      `Expected probes to be [${[images.shape[0], 'probes', ...network.itemShape].join(', ')}] but received [${probes.shape.join(', ')}]`,
    )
  }
  return probes
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function standardError(values: Float64Array): number {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1) / values.length)
}
