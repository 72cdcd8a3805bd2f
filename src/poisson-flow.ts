import { z } from 'zod'
import { type Fields, FUNCTION, optionsSchema, parse, parseOptions, SWITCH } from './arguments/schema.js'
import { expectPath } from './check.js'
import { configSchema, type ModelConfig } from './checkpoint/model.js'
import { expectOutput, type GivenFlow, parseFlow } from './flow/kinds.js'
import { DENSITY_SCHEMA, type DensityOptions, type DensityResult, densityOnGrid } from './model/density.js'
import { ENCODE_SCHEMA, type EncodeOptions, type EncodeResult, encode } from './model/encode.js'
import type { ImageTensor } from './model/images.js'
import { INTERPOLATE_SCHEMA, type InterpolateOptions, interpolate } from './model/interpolate.js'
import {
  LIKELIHOOD_SCHEMA,
  type LikelihoodOptions,
  type LikelihoodResult,
  logLikelihood,
} from './model/likelihood.js'
import { loadModel } from './model/load.js'
import { Model } from './model/model.js'
import {
  SAMPLING_FIELDS,
  type Samples,
  type SamplingOptions,
  sample,
  samplingSettings,
  usualSolver,
} from './model/sample.js'
import { expectStarts, startHeight } from './model/starts.js'
import { DEVICE, type Device } from './native/device.js'
import { NETWORK, type Network } from './nn/network.js'
import type { Tensor } from './tensor/tensor.js'
import { preparedSolver } from './tuning/prepared-solver.js'
import {
  type ChosenSolver,
  REQUEST_FIELDS,
  type SolverRequest,
  solverOrGoal,
} from './tuning/solver-choice.js'

export interface LoadOptions {
  device?: Device
  /** Of a run folder: the model that was kept as its best (`keepBest`), in place of the newest. Default false. */
  best?: boolean
  /**
   * Told where a run's newest checkpoint is cut short or damaged, and the newest whole one is taken. A warning of the
   * process (`process.emitWarning`) where not given.
   */
  onWarning?: (message: string) => void
}

export interface SampleOptions extends SamplingOptions, SolverRequest {
  /** Called before the sampling where something is searched or measured first: with its share that is done, 0 to 1. */
  onSearch?: (fraction: number, what: string) => void
}

const SAMPLE_FIELDS: Fields<SampleOptions> = { ...SAMPLING_FIELDS, ...REQUEST_FIELDS, onSearch: FUNCTION }
const SAMPLE_SCHEMA = optionsSchema<SampleOptions>(SAMPLE_FIELDS)

/** As of `sample`; the starts are the encodings. */
export type DecodeOptions = Omit<SampleOptions, 'count' | 'seed' | 'start' | 'temperature' | 'from'>

const { count, seed, start, temperature, from, ...DECODE_FIELDS } = SAMPLE_FIELDS
const DECODE_SCHEMA = optionsSchema<DecodeOptions>(DECODE_FIELDS)
const LOAD_SCHEMA = optionsSchema<LoadOptions>({ device: DEVICE, best: SWITCH, onWarning: FUNCTION })
/** The flow is judged by its kind. */
const OF_SCHEMA = configSchema.omit({ network: true }).extend({ flow: z.unknown() }).strict()

export interface SampleResult extends Samples {
  /** What `auto` chose, and what it was measured to do. */
  readonly chosen?: ChosenSolver
}

/** A trained Poisson flow: draws samples. */
export class PoissonFlow extends Model {
  /**
   * Loads a model.
   * @param source a run folder (its newest checkpoint's averaged weights, or its best model), a model or checkpoint file, or the name of a
   *   model that comes with the package: `digits`
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one
   */
  static async load(source: string, options: LoadOptions = {}): Promise<PoissonFlow> {
    expectPath('source', source)
    const given = parseOptions('PoissonFlow.load', LOAD_SCHEMA, options)
    const { device, best = false, onWarning = (message) => process.emitWarning(message) } = given
    const { config, network, source: file } = await loadModel(source, { device, best, onWarning })
    return new PoissonFlow(config, network, file)
  }

  /**
   * A flow over a network that is already there; it becomes the flow's to dispose of.
   * @throws TypeError or RangeError where the flow's settings are not whole or not right
   */
  static of(
    network: Network,
    config: Omit<ModelConfig, 'network' | 'flow'> & { flow: GivenFlow },
  ): PoissonFlow {
    parse('network', NETWORK, network)
    const { flow, ...rest } = parse('config', OF_SCHEMA, config)
    const settings = parseFlow(flow)
    expectOutput(network.config, settings)
    return new PoissonFlow({ ...rest, flow: settings, network: network.config }, network)
  }

  /**
   * Draws samples by following the flow from its far end, z_max, to its near one, z_min (arXiv 2209.11178, section 3.3).
   * Samplings at the same time, of whatever solvers, share their network calls: each gets what it gets alone, whoever
   * begins or is aborted beside it.
   */
  async sample(given: SampleOptions = {}): Promise<SampleResult> {
    const options = parseOptions('sample', SAMPLE_SCHEMA, given)
    const named = options.solver !== undefined || options.solverTable !== undefined
    const wanted = solverOrGoal(named ? options : { ...options, ...usualSolver(this, options) })
    samplingSettings(this, options) // what is wrong is said before anything is searched
    const { signal, onSearch } = options
    signal?.throwIfAborted()
    const height = startHeight(this, options)
    const { solver, chosen } = await preparedSolver(this, wanted, height, { signal, onProgress: onSearch })
    return { ...(await sample(this, solver, options)), ...(chosen && { chosen }) }
  }

  /**
   * Follows the field from the data to the plane z_max, where points lie as the prior says: the inverse of sampling
   * (arXiv 2209.11178, section 3.3).
   * @param images `[count, ...itemShape]`: values in about [-1, 1], or uint8 pixels v, which stand for v / 127.5 - 1
   * @throws TypeError for another shape; PfgmError `ERR_PFGM_NOT_FINITE` where a path has no end
   */
  async encode(images: ImageTensor, options: EncodeOptions = {}): Promise<EncodeResult> {
    return encode(this, images, parseOptions('encode', ENCODE_SCHEMA, options))
  }

  /**
   * Follows encodings back to the data: sampling from given starts.
   * @param encodings `[count, ...itemShape]`, points on the plane z_max, at most 100 upper_norm from its origin
   * @throws TypeError for another shape or dtype; RangeError where one is not finite or too far out
   */
  async decode(encodings: Tensor<'float64'>, options: DecodeOptions = {}): Promise<SampleResult> {
    const parsed = parseOptions('decode', DECODE_SCHEMA, options)
    await expectStarts('encodings', encodings, this, ['float64'])
    return this.sample({ ...parsed, start: encodings })
  }

  /**
   * ln p of images under the model: ln p(x) = ln prior(x at z_max) + the integral of div(dx/dz) dz along the path from
   * x up to z_max (arXiv 2209.11178, section 3.3), p a density over values in [-1, 1] at height z_min. Likelihoods at the
   * same time, of as many probes, share their network calls as samplings do.
   * @param images `[count, ...itemShape]`: values in about [-1, 1], or uint8 pixels v, which are dequantised
   * @throws TypeError for another shape; PfgmError `ERR_PFGM_NOT_FINITE` where a path has no end
   */
  async logLikelihood(images: ImageTensor, options: LikelihoodOptions = {}): Promise<LikelihoodResult> {
    return logLikelihood(this, images, parseOptions('logLikelihood', LIKELIHOOD_SCHEMA, options))
  }

  /**
   * The density of a model of points in the plane, by its exact likelihood at the middle of every cell of a grid.
   * @throws TypeError for a model of anything else
   */
  async density(options: DensityOptions = {}): Promise<DensityResult> {
    return densityOnGrid(this, parseOptions('density', DENSITY_SCHEMA, options))
  }

  /**
   * Images between two: their encodings' directions are followed along the great circle through both (slerp), the norms
   * linearly, and decoded.
   * @param a one image, `[1, ...itemShape]`; `b` likewise
   * @throws TypeError for another shape or where the two encodings are opposite
   */
  async interpolate(a: ImageTensor, b: ImageTensor, options: InterpolateOptions = {}): Promise<SampleResult> {
    return interpolate(this, a, b, parseOptions('interpolate', INTERPOLATE_SCHEMA, options))
  }
}
