import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expectBoolean, expectInteger, expectOneOf, expectSeed, product } from './check.js'
import { type ModelConfig, modelMetadata, readModelHeader } from './checkpoint/model.js'
import { RunFolder } from './checkpoint/run-folder.js'
import { readTensors, writeTensors } from './checkpoint/safetensors.js'
import { PfgmError } from './errors.js'
import { PfgmFlow } from './flow/pfgm.js'
import type { ImageTensor } from './model/ascent.js'
import { type DensityOptions, type DensityResult, densityOnGrid } from './model/density.js'
import { type EncodeOptions, type EncodeResult, encode, expectEncodings } from './model/encode.js'
import { type InterpolateOptions, interpolate } from './model/interpolate.js'
import { type LikelihoodOptions, type LikelihoodResult, logLikelihood } from './model/likelihood.js'
import { expectFinite, meanEvaluations } from './model/samples.js'
import { startsOf } from './model/starts.js'
import { type Device, resolveDevice } from './native/device.js'
import { native } from './native/native.js'
import { Network } from './nn/network.js'
import { jointNorm, perSampleNorm } from './ode/error-norm.js'
import type { Denoiser } from './ode/pool/denoised.js'
import { Camera, type Film, type FilmOptions } from './ode/pool/film.js'
import { integrate, type PoolProgress, type SampleStatistics, type SampleStatus } from './ode/pool/pool.js'
import { SharedFlow } from './ode/pool/shared-flow.js'
import type { SolverName, SolverSettings } from './ode/solver-options.js'
import { Tensor } from './tensor/tensor.js'
import { preparedSolver } from './tuning/prepared-solver.js'
import { SolverCache } from './tuning/solver-cache.js'
import { type ChosenSolver, solverOrGoal } from './tuning/solver-choice.js'

/** Trained models that come with the package. */
export const SHIPPED_MODELS = ['digits'] as const

export interface SampleOptions extends Omit<SolverSettings, 'solver'> {
  /**
   * A method by name, as in `SolverSettings`, or `auto`: the best setting for `error` or `evaluations` in a comparison
   * measured on this model, once, and kept as searched schedules are. It is measured on paths from z_max of steps of
   * each sample's own, with nothing done to them. Default rk45.
   */
  solver?: SolverName | 'auto'
  /**
   * With `auto`: a mean error, 1e-9 to 1, of pixels in [0, 1], images clipped, against the converged solution. The
   * setting of the fewest evaluations is taken whose mean error on 48 starts plus twice its standard error is no more;
   * on other starts it can be a little more.
   */
  error?: number
  /**
   * With `auto`: mean evaluations a sample, 1 to 1,000,000. The setting of the least mean error that was measured to
   * take no more is taken.
   */
  evaluations?: number
  /** How many samples to draw, 1 to 1,000,000. Default 16. */
  count?: number
  /** Sample i is drawn from seed + i, whatever the count: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /**
   * `sample`: every sample has its own steps, so it does not depend on who shares its batch. `joint`: one error norm
   * over the whole batch, as in the published code.
   */
  batchTolerance?: 'sample' | 'joint'
  /** Most samples under way at once, 1 to 65536; bounds memory. Default 256. */
  batchSize?: number
  /** Starts `[count, ...itemShape]` at z_max instead of ones drawn from the prior. */
  start?: Tensor
  /**
   * Scales the norms of the starts that are drawn, 0.01 to 100. Far from 1 starts lie where the network was hardly
   * trained. Default 1.
   */
  temperature?: number
  /**
   * Starts at height z, z_min < z <= z_max, around given images instead of on the plane z_max: image i is moved in a
   * uniform direction by a distance drawn from the kernel at z, from seed + i. The lower z, the more of the image
   * stays.
   */
  from?: { z: number; images: ImageTensor }
  /** Adds 1e-5 to v_z before dividing, as the published code does. Default false. */
  publishedEpsilon?: boolean
  /**
   * Evaluates the network in tiles of a fixed size on every device, so that a sample has the same bits alone and beside
   * any others. On a CPU it is always so; a GPU then takes 64 samples at a time. Default false.
   */
  deterministic?: boolean
  /**
   * Most evaluations of a sample, 2 to 1,000,000: one that would need more ends where it is, with the status
   * `maxEvaluations`. Without it, a sample that needs 100,000 is an error.
   */
  maxEvaluations?: number
  /** A sample that is not finite ends with the status `notFinite`, rather than all with an error. Default false. */
  keepNotFinite?: boolean
  /** Ends the sampling at the next step; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /**
   * Gets the denoised images d(x, z) = x - z v_x / v_z of the samples under way at every evaluation of the network, the
   * stages of a Runge-Kutta step included, and may return others d'. The path then follows dx/dz = (x - d') / z, to any
   * solver one more ordinary differential equation. With known pixels put in the place of the denoised ones it fills
   * the rest; with d' = A^+ y + (I - A^+ A) d the sample has the measurement y = A x (DDNM, arXiv 2212.00490).
   * A returned tensor becomes the sampling's to dispose of; the one that is given lives until the hook is done.
   */
  onDenoised?: Denoiser
  /** Films the paths from start to end: the result then has `film`. It takes memory for all frames of all samples. */
  film?: FilmOptions
  onProgress?: (progress: PoolProgress) => void
  /** Called before the sampling where something is searched or measured first: with its share that is done, 0 to 1. */
  onSearch?: (fraction: number, what: string) => void
}

/** As of `sample`; the starts are the encodings. */
export type DecodeOptions = Omit<SampleOptions, 'count' | 'seed' | 'start' | 'temperature' | 'from'>

export interface SampleResult extends SampleStatistics {
  /** `[count, ...itemShape]`, data values: images in about [-1, 1], unclipped. Yours to dispose of. */
  readonly images: Tensor<'float32'>
  /** Mean number of network evaluations a sample. */
  readonly nfe: number
  /** Where `film` asked for it. */
  readonly film?: Film
  /** What `auto` chose, and what it was measured to do. */
  readonly chosen?: ChosenSolver
}

/** A trained Poisson flow: draws samples. */
export class PoissonFlow implements Disposable {
  readonly config: ModelConfig
  readonly network: Network
  readonly #flows = new Map<string, SharedFlow>()
  /** @internal */
  readonly solverCache: SolverCache

  private constructor(config: ModelConfig, network: Network, solverCache: SolverCache) {
    this.config = config
    this.network = network
    this.solverCache = solverCache
  }

  /**
   * Loads a model.
   * @param source a run folder (its newest checkpoint's averaged weights), a model or checkpoint file, or the name of a
   *   model that comes with the package: `digits`
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model, or a damaged one
   */
  static async load(source: string, options: { device?: Device } = {}): Promise<PoissonFlow> {
    const { path, run } = await modelPath(source)
    const { file, config, kind } = await readModelHeader(path)
    const network = await Network.create(config.network, { device: resolveDevice(options.device) })
    try {
      await readTensors(network.handle, file, kind === 'checkpoint' ? (name) => `ema.${name}` : undefined)
    } catch (error) {
      network.dispose()
      throw error
    }
    return new PoissonFlow(config, network, new SolverCache(path, run))
  }

  /** A flow over a network that is already there; it becomes the flow's to dispose of. */
  static of(network: Network, config: Omit<ModelConfig, 'network'>): PoissonFlow {
    return new PoissonFlow({ ...config, network: network.config }, network, new SolverCache())
  }

  /**
   * The ODE of the field, whose network calls are shared by all paths under way.
   * @internal
   */
  sharedFlow({
    publishedEpsilon = false,
    deterministic = false,
  }: Pick<SampleOptions, 'publishedEpsilon' | 'deterministic'> = {}): SharedFlow {
    const kind = `${publishedEpsilon} ${deterministic}`
    const settings = { epsilon: publishedEpsilon ? 1e-5 : 0, deterministic }
    const shared =
      this.#flows.get(kind) ?? new SharedFlow(() => new PfgmFlow(this.network, this.config.flow, settings))
    this.#flows.set(kind, shared)
    return shared
  }

  /**
   * Draws samples by following the field from z_max to z_min (arXiv 2209.11178, section 3.3). Samplings at the same
   * time, of whatever solvers, share their network calls: each gets what it gets alone, whoever begins or is aborted
   * beside it.
   */
  async sample(options: SampleOptions = {}): Promise<SampleResult> {
    const settings = sampleSettings(options)
    const { flow: pfgm } = this.config
    const { count, start, batchTolerance } = settings
    const shape = this.network.itemShape
    const dimensions = this.network.dimensions
    if (start && (start.shape[0] !== count || start.size !== count * dimensions)) {
      throw new TypeError(
        `Expected start to be [${[count, ...shape].join(', ')}] but received [${start.shape.join(', ')}]`,
      )
    }
    options.signal?.throwIfAborted()
    const { height, start: startAt } = startsOf(this, options, settings)
    const { solver, chosen } = await preparedSolver(this, settings.solver, height, options)
    const joint = batchTolerance === 'joint'
    const norm = joint ? jointNorm(dimensions, product(shape.slice(1))) : perSampleNorm(dimensions)
    const images = new Tensor<'float32'>(
      await native().createTensor(new Float32Array(count * dimensions), 'float32', [count, ...shape], 'cpu'),
    )
    let camera: Camera | undefined
    try {
      const problem = {
        flow: this.sharedFlow(settings),
        count,
        from: height,
        to: pfgm.zMin,
        device: this.network.device,
        shape,
        start: startAt,
        jump: pfgm.zExp,
      }
      if (options.film) camera = await Camera.create(options.film, problem)
      const statistics = await integrate(problem, solver, images, {
        norm,
        capacity: joint ? count : settings.batchSize,
        maxEvaluations: settings.maxEvaluations,
        keepNotFinite: settings.keepNotFinite,
        signal: options.signal,
        onDenoised: options.onDenoised,
        camera,
        onStep: options.onProgress,
      })
      if (settings.keepNotFinite) markNotFinite(await images.data(), statistics.status)
      else await expectFinite(images)
      const nfe = meanEvaluations(statistics.evaluations)
      const extras = { ...(camera && { film: camera.film }), ...(chosen && { chosen }) }
      return { images, nfe, ...extras, ...statistics }
    } catch (error) {
      images.dispose()
      camera?.film.images.dispose()
      throw error
    }
  }

  /**
   * Follows the field from the data to the plane z_max, where points lie as the prior says: the inverse of sampling
   * (arXiv 2209.11178, section 3.3).
   * @param images `[count, ...itemShape]`: values in about [-1, 1], or uint8 pixels v, which stand for v / 127.5 - 1
   * @throws TypeError for another shape; PfgmError `ERR_PFGM_NOT_FINITE` where a path has no end
   */
  async encode(images: ImageTensor, options: EncodeOptions = {}): Promise<EncodeResult> {
    return encode(this, images, options)
  }

  /**
   * Follows encodings back to the data: sampling from given starts.
   * @param encodings `[count, ...itemShape]`, points on the plane z_max, at most 100 upper_norm from its origin
   * @throws TypeError for another shape or dtype; RangeError where one is not finite or too far out
   */
  async decode(encodings: Tensor<'float64'>, options: DecodeOptions = {}): Promise<SampleResult> {
    await expectEncodings(this, encodings)
    return this.sample({ ...options, count: encodings.shape[0] ?? 0, start: encodings })
  }

  /**
   * ln p of images under the model: ln p(x) = ln prior(x at z_max) + the integral of div(dx/dz) dz along the path from
   * x up to z_max (arXiv 2209.11178, section 3.3), p a density over values in [-1, 1] at height z_min.
   * @param images `[count, ...itemShape]`: values in about [-1, 1], or uint8 pixels v, which are dequantised
   * @throws TypeError for another shape; PfgmError `ERR_PFGM_NOT_FINITE` where a path has no end
   */
  async logLikelihood(images: ImageTensor, options: LikelihoodOptions = {}): Promise<LikelihoodResult> {
    return logLikelihood(this, images, options)
  }

  /**
   * The density of a model of points in the plane, by its exact likelihood at the middle of every cell of a grid.
   * @throws TypeError for a model of anything else
   */
  async density(options: DensityOptions = {}): Promise<DensityResult> {
    return densityOnGrid(this, options)
  }

  /**
   * Images between two: their encodings' directions are followed along the great circle through both (slerp), the norms
   * linearly, and decoded.
   * @param a one image, `[1, ...itemShape]`; `b` likewise
   * @throws TypeError for another shape or where the two encodings are opposite
   */
  async interpolate(a: ImageTensor, b: ImageTensor, options: InterpolateOptions = {}): Promise<SampleResult> {
    return interpolate(this, a, b, options)
  }

  /** Writes the model alone, without what training needs. @param dtype `F16` halves the file */
  async save(path: string, options: { dtype?: 'F32' | 'F16' } = {}): Promise<void> {
    await writeTensors(this.network.handle, path, modelMetadata('model', this.config), options.dtype ?? 'F32')
  }

  /** Frees the network. */
  dispose(): void {
    this.network.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

function sampleSettings(options: SampleOptions) {
  const { from, seed = 0 } = options
  const { batchTolerance = 'sample', batchSize = 256, start } = options
  const { publishedEpsilon = false, deterministic = false } = options
  const { count = from?.images.shape[0] ?? 16 } = options
  const { maxEvaluations, keepNotFinite = false } = options
  expectInteger('count', count, 1, 1_000_000)
  expectSeed('seed', seed)
  expectOneOf('batchTolerance', batchTolerance, ['sample', 'joint'])
  expectInteger('batchSize', batchSize, 1, 65536)
  expectBoolean('publishedEpsilon', publishedEpsilon)
  expectBoolean('deterministic', deterministic)
  if (maxEvaluations !== undefined) expectInteger('maxEvaluations', maxEvaluations, 2, 1_000_000)
  expectBoolean('keepNotFinite', keepNotFinite)
  return {
    count,
    seed: BigInt(seed),
    solver: solverOrGoal(options),
    batchTolerance,
    batchSize,
    start,
    publishedEpsilon,
    deterministic,
    maxEvaluations,
    keepNotFinite,
  }
}

function markNotFinite(images: Float32Array, status: SampleStatus[]): void {
  const dimensions = images.length / status.length
  for (const i of status.keys()) {
    const sample = images.subarray(i * dimensions, (i + 1) * dimensions)
    if (!sample.every(Number.isFinite)) status[i] = 'notFinite'
  }
}

/** The file of a model, and the run folder that it lies in where `source` names that. */
async function modelPath(source: string): Promise<{ path: string; run?: string }> {
  const found = await stat(source).catch(() => undefined)
  if (found?.isFile()) return { path: source }
  if (found?.isDirectory()) {
    const run = new RunFolder(source)
    const newest = (await run.checkpoints()).at(-1)
    if (newest !== undefined) return { path: run.checkpoint(newest), run: source }
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `Expected a run in ${source} but it has no checkpoint: train there first, with --out ${source}`,
    )
  }
  if ((SHIPPED_MODELS as readonly string[]).includes(source)) {
    return { path: fileURLToPath(new URL(`../models/${source}.safetensors`, import.meta.url)) }
  }
  throw new PfgmError(
    'ERR_PFGM_CHECKPOINT',
    `Expected a run folder, a model file or one of the models that come with the package (${SHIPPED_MODELS.join(', ')}) but received '${source}'`,
  )
}
