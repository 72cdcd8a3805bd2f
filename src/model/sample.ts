import { expectRoom } from '../arguments/room.js'
import { type Fields, FUNCTION, integer, number, oneOf, SEED, SIGNAL, SWITCH } from '../arguments/schema.js'
import { expectInteger, product } from '../check.js'
import type { Flow } from '../flow/flow.js'
import { PRECISIONS, type Precision } from '../native/precision.js'
import { jointNorm, perSampleNorm } from '../ode/error-norm.js'
import { Numbered } from '../ode/pool/arrivals.js'
import type { Denoiser } from '../ode/pool/denoised.js'
import { Camera, FILM_SCHEMA, type Film, type FilmOptions, filmBytes } from '../ode/pool/film.js'
import { integrate } from '../ode/pool/pool.js'
import type { PoolProgress } from '../ode/pool/progress.js'
import type { SampleStatistics, SampleStatus } from '../ode/pool/statistics.js'
import type { Solver } from '../ode/solver.js'
import type { SolverSettings } from '../ode/solver-options.js'
import { createStepper } from '../ode/steppers/create-stepper.js'
import { type Path, pathBetween } from '../ode/steppers/path.js'
import { Tensor } from '../tensor/tensor.js'
import { CONDITION_FIELDS, type ConditionOptions, conditionsOf } from './conditions.js'
import type { Model } from './model.js'
import { expectFinite, meanEvaluations, sampleKeys } from './samples.js'
import { START_FIELDS, type StartOptions, startsOf } from './starts.js'

/** How samples are drawn, whatever the solver. */
export interface SamplingOptions extends StartOptions, ConditionOptions {
  /** How many samples to draw, 1 to 1,000,000. Default 16, or as many as `start` or `from` has. */
  count?: number
  /** Sample i is drawn from seed + i, whatever the count: 0 to 2^64 - 1. Default 0. */
  seed?: number | bigint
  /**
   * `sample`: every sample has its own steps, so it does not depend on who shares its batch. `joint`: one error norm
   * over the whole batch, as in the published code, whose steps go across the height at which the formula changes.
   */
  batchTolerance?: 'sample' | 'joint'
  /** Most samples under way at once, 1 to 65536; bounds memory. Default 256. */
  batchSize?: number
  /** Adds 1e-5 to v_z before dividing, as the published code does. Default false. */
  publishedEpsilon?: boolean
  /**
   * Evaluates the network in tiles of a fixed size on every device, so that a sample has the same bits alone and beside
   * any others. On a CPU it is always so; a GPU then takes 64 samples at a time. Default false.
   */
  deterministic?: boolean
  /**
   * What the products of the network's layers are rounded to. `bfloat16` has 8 bits: faster on GPUs and on processors that
   * multiply it (AMX; AVX-512 BF16 of some), and half the memory for weights. `auto` is float32. Default auto.
   */
  precision?: 'auto' | Precision
  /** bfloat16: at this height and below, near the data, float32 all the same. Default 0: bfloat16 everywhere. */
  bfloat16Above?: number
  /**
   * Most evaluations of a sample, 2 to 1,000,000: one that would need more ends where it is, with the status
   * `maxEvaluations`. Without it, a sample that needs 100,000 is an error.
   */
  maxEvaluations?: number
  /** A sample that is not finite ends with the status `notFinite`, rather than all with an error. Default false. */
  keepNotFinite?: boolean
  /** Ends the sampling at once, in the middle of an evaluation or a hook; the promise rejects with the signal's reason. */
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
  /** Called after each step of the samples under way. */
  onProgress?: (progress: PoolProgress) => void
}

export const SAMPLING_FIELDS: Fields<SamplingOptions> = {
  ...START_FIELDS,
  ...CONDITION_FIELDS,
  count: integer(1, 1_000_000),
  seed: SEED,
  batchTolerance: oneOf(['sample', 'joint']),
  batchSize: integer(1, 65536),
  publishedEpsilon: SWITCH,
  deterministic: SWITCH,
  precision: oneOf(['auto', ...PRECISIONS]),
  bfloat16Above: number(0, Number.MAX_VALUE),
  maxEvaluations: integer(2, 1_000_000),
  keepNotFinite: SWITCH,
  signal: SIGNAL,
  onDenoised: FUNCTION,
  film: FILM_SCHEMA,
  onProgress: FUNCTION,
}

/**
 * The solver where none is named: the default, but rk45 where what only that has is asked for, and for flows that only
 * Runge-Kutta methods follow.
 */
export function usualSolver(
  { flow }: Model,
  { batchTolerance, publishedEpsilon }: Pick<SamplingOptions, 'batchTolerance' | 'publishedEpsilon'> = {},
): Pick<SolverSettings, 'solver'> {
  const asPublished = batchTolerance === 'joint' || publishedEpsilon === true || flow.isInTime === true
  return asPublished ? { solver: 'rk45' } : {}
}

/** Samples, and what they cost. */
export interface Samples extends SampleStatistics {
  /** `[count, ...itemShape]`, data values: images in about [-1, 1], unclipped. Yours to dispose of. */
  readonly images: Tensor<'float32'>
  /** Mean number of network evaluations a sample. */
  readonly nfe: number
  /** Where `film` asked for it. */
  readonly film?: Film
}

/**
 * Draws samples with a ready solver, by following the flow from where they start to its near end (arXiv 2209.11178,
 * section 3.3).
 */
export async function sample(model: Model, solver: Solver, options: SamplingOptions): Promise<Samples> {
  const settings = samplingSettings(model, options)
  const { flow, network } = model
  const { count, seed, maxEvaluations, keepNotFinite } = settings
  const shape = network.itemShape
  expectDenoised(flow, options)
  if (settings.batchTolerance === 'joint' && solver.kind === 'predictorCorrector') {
    throw new RangeError(
      `Expected no batchTolerance joint for the solver ${solver.name}, which has no tolerance (norms: 'batch' shares norms)`,
    )
  }
  options.signal?.throwIfAborted()
  const { height, start } = await startsOf(model, options, settings)
  const joint = settings.batchTolerance === 'joint'
  const images = await Tensor.full([count, ...shape], 0, 'float32')
  let camera: Camera | undefined
  try {
    const problem = {
      flow: model.sharedFlow(settings.drift),
      heightName: flow.heightName,
      count,
      from: height,
      to: flow.near.height,
      device: network.device,
      shape,
      arrivals: new Numbered(count, start, (first, added) => ({
        keys: sampleKeys(seed, first, added),
        ...settings.conditions(first, added),
      })),
    }
    if (options.film) camera = await Camera.create(options.film, problem)
    // The published code's joint steps go across the jump.
    const path = samplePath(model, solver, height, joint && solver.kind === 'rungeKutta')
    const statistics = await integrate(problem, path, createStepper(solver, path), images, {
      norm: joint
        ? jointNorm(network.dimensions, product(shape.slice(1)))
        : perSampleNorm(network.dimensions),
      capacity: joint || sharesNorms(solver) ? count : settings.batchSize,
      maxEvaluations,
      keepNotFinite,
      signal: options.signal,
      onDenoised: options.onDenoised,
      camera,
      onStep: options.onProgress,
    })
    if (keepNotFinite) await markNotFinite(images, statistics.status)
    else await expectFinite(images)
    const nfe = meanEvaluations(statistics.evaluations)
    return { images, nfe, ...(camera && { film: camera.film }), ...statistics }
  } catch (error) {
    images.dispose()
    camera?.film.images.dispose()
    throw error
  }
}

/** The path of samples from a height to the near end, along which a solver takes steps. */
export function samplePath({ flow }: Model, solver: Solver, height: number, acrossJump = false): Path {
  const { jump, sde, isGaussian = false, isInTime = false } = flow
  return pathBetween(height, flow.near.height, solver.variable, {
    ...(!acrossJump && jump && { jump }),
    ...(sde && { sde }),
    isGaussian,
    isInTime,
    // The last step of a predictor denoises.
    endsDenoised: flow.endsDenoised === true && solver.kind !== 'predictorCorrector',
  })
}

/**
 * Options that were parsed, with their defaults.
 * @throws RangeError where `start` or `from` has too many; PfgmError `ERR_PFGM_OUT_OF_MEMORY` where memory cannot hold
 *   what is asked for
 */
export function samplingSettings(model: Model, options: SamplingOptions) {
  const { network } = model
  const { film, from, start, seed = 0, batchTolerance = 'sample', batchSize = 256 } = options
  const { publishedEpsilon = false, deterministic = false, bfloat16Above = 0 } = options
  const precision = options.precision === 'bfloat16' ? options.precision : 'float32'
  const { count = from?.images.shape[0] ?? start?.shape[0] ?? 16 } = options
  const { maxEvaluations, keepNotFinite = false } = options
  expectInteger('count', count, 1, 1_000_000)
  if (film) expectRoom(filmBytes(film, count, network.dimensions), 'film')
  expectRoom(count * network.dimensions * Float32Array.BYTES_PER_ELEMENT, 'samples')
  const published = publishedEpsilon ? ('samples' as const) : undefined
  const drift = { published, deterministic, precision, bfloat16Above } as const
  const conditions = conditionsOf(model, options, count)
  const rows = { count, seed: BigInt(seed), conditions }
  return { ...rows, batchTolerance, batchSize, drift, maxEvaluations, keepNotFinite }
}

/** @throws RangeError where what is asked for looks at denoised images and the flow has none */
function expectDenoised({ isInTime }: Flow, { onDenoised, film }: SamplingOptions): void {
  const what = onDenoised ? 'onDenoised' : film && film.of !== 'state' ? 'film of denoised images' : undefined
  if (!isInTime || what === undefined) return
  throw new RangeError(`Expected no ${what} in coordinates 'published', where images are not denoised`)
}

/** Whether the samples depend on each other, and so are to be under way together. */
const sharesNorms = (solver: Solver): boolean =>
  solver.kind === 'predictorCorrector' && solver.corrector?.takesNorms === true && solver.norms === 'batch'

async function markNotFinite(images: Tensor, status: SampleStatus[]): Promise<void> {
  const norms = await images.rowNorms()
  for (const [i, norm] of norms.entries()) if (!Number.isFinite(norm)) status[i] = 'notFinite'
}
