import {
  FUNCTION,
  integer,
  list,
  oneOf,
  optionsSchema,
  parse,
  parseOptions,
  SEED,
  SIGNAL,
} from '../arguments/schema.js'
import { energyDistance } from '../metrics/energy-distance.js'
import { MODEL, type Model } from '../model/model.js'
import { SAMPLING_FIELDS, type SamplingOptions, sample } from '../model/sample.js'
import type { PoolProgress } from '../ode/pool/progress.js'
import { solverByName } from '../ode/solver.js'
import { ODE_SOLVERS, type SolverName, type SolverSettings, solverOptions } from '../ode/solver-options.js'
import { TENSOR, type Tensor } from '../tensor/tensor.js'
import { type ErrorFigures, errorFigures, isClipped } from './error-figures.js'

/** What is compared, from how many starts. */
export interface ComparisonOptions {
  /** How many fresh starts, 1 to 100,000. Default 64. */
  count?: number
  /** Start i is that of seed + i. Default 0. */
  seed?: number | bigint
  /** Which solvers; those without noise can be compared. Default all of them. */
  solvers?: readonly SolverName[]
  /** Evaluations a sample to compare solvers of given steps at, each 2 to 10,000. Default 8, 10, 12, 15, 20, 30, 50. */
  evaluations?: readonly number[]
  /** `[n, ...itemShape]`: the energy distance of all samples to these is measured too. */
  data?: Tensor
  /** What the network's products are rounded to in the runs that are compared; the converged solution is float32's. */
  precision?: SamplingOptions['precision']
  /** bfloat16: at this height and below, float32 all the same. Default 0. */
  bfloat16Above?: number
  /** Ends the comparison; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called with about the share of all runs that is done, 0 to 1, and what runs now. */
  onProgress?: (fraction: number, solver: string) => void
}

const MOST_RUNS = 1000
const COMPARISON_SCHEMA = optionsSchema<ComparisonOptions>({
  count: integer(1, 100_000),
  seed: SEED,
  solvers: list(oneOf(ODE_SOLVERS), MOST_RUNS, 'an array of names'),
  evaluations: list(integer(2, 10_000), MOST_RUNS, 'an array of numbers'),
  data: TENSOR,
  precision: SAMPLING_FIELDS.precision,
  bfloat16Above: SAMPLING_FIELDS.bfloat16Above,
  signal: SIGNAL,
  onProgress: FUNCTION,
})

/** A solver at one number of evaluations, against the converged solution from the same starts. */
export interface ComparisonPoint extends ErrorFigures {
  /** Method, order and schedule or controller, such as `dpm3m karras`. */
  readonly solver: string
  /** The same for `sample`. */
  readonly settings: SolverSettings
  /** Mean number of evaluations a sample. */
  readonly evaluations: number
  /** Of the samples to the data. Only with data, and where all samples are finite. */
  readonly energyDistance?: number
}

/** What all points of a solver say together. */
export interface SolverSummary {
  /** Method, order and schedule or controller, as in its points. */
  readonly solver: string
  /**
   * Measured order of convergence: minus the slope of ln (median error) against ln evaluations, by least squares over
   * the three points of most evaluations. Missing with fewer than two.
   */
  readonly order?: number
  /**
   * The fewest evaluations from which on the energy distance is within 5 % of the converged samples'. Missing without
   * data and where that is never so.
   */
  readonly enough?: number
}

/** What `compareSolvers` measured. */
export interface SolverComparison {
  /** How many starts. */
  readonly count: number
  /** Start i was that of seed + i. */
  readonly seed: string
  /** The converged solution's solver. */
  readonly reference: SolverSettings
  /** Of the converged samples. Only with data. */
  readonly energyDistance?: number
  /** Each solver at each number of evaluations. */
  readonly points: readonly ComparisonPoint[]
  /** Each solver, by all of its points. */
  readonly solvers: readonly SolverSummary[]
}

const REFERENCE = { solver: 'rk45', rtol: 1e-7, atol: 1e-7 } as const satisfies SolverSettings
/** The converged solution takes about as long as so many others. */
const REFERENCE_RUNS = 16
const EVALUATIONS = [8, 10, 12, 15, 20, 30, 50]
const TOLERANCES = [1e-2, 1e-3, 1e-4]
const MULTISTEP_TOLERANCES = [0.042, 0.021, 0.01, 0.005, 0.0025, 0.00095]

/** Methods along given heights, and their evaluations a step. */
const FIXED: readonly (SolverSettings & { readonly solver: SolverName; readonly cost: number })[] = [
  { solver: 'euler', cost: 1 },
  { solver: 'heun', cost: 2 },
  { solver: 'rk4', cost: 4 },
  { solver: 'dpm2m', cost: 1 },
  { solver: 'dpm3m', cost: 1 },
  { solver: 'unipc', order: 2, cost: 1 },
  { solver: 'ipndm', order: 2, cost: 1 },
  { solver: 'ipndm', order: 3, cost: 1 },
  { solver: 'deis', order: 3, cost: 1 },
]

/**
 * Compares all solvers and schedules by error against evaluations, from fresh starts of the prior: the error is that of pixels in
 * [0, 1], clipped, or of points as they are, to the converged solution from the same starts.
 * @throws TypeError or RangeError for options out of range
 */
export async function compareSolvers(model: Model, given: ComparisonOptions = {}): Promise<SolverComparison> {
  parse('model', MODEL, model)
  const options = parseOptions('compareSolvers', COMPARISON_SCHEMA, given)
  const { solvers = ODE_SOLVERS as readonly SolverName[], evaluations = EVALUATIONS } = options
  const runs = candidates(evaluations).filter(({ solver }) => solvers.includes(solver))
  return measureSolvers(model, runs, options)
}

/** Compares given solvers. */
export async function measureSolvers(
  model: Model,
  runs: readonly SolverSettings[],
  options: Omit<ComparisonOptions, 'solvers' | 'evaluations'>,
): Promise<SolverComparison> {
  const { count = 64, seed = 0, data, precision, bfloat16Above, signal, onProgress } = options
  const rounded = { ...(precision && { precision }), ...(bfloat16Above !== undefined && { bfloat16Above }) }
  const total = REFERENCE_RUNS + runs.length
  const draw = async (settings: SolverSettings, name: string, done: number, weight = 1, how = rounded) => {
    const common = {
      ...how,
      count,
      seed,
      keepNotFinite: true,
      ...(signal && { signal }),
      onProgress: ({ fraction }: PoolProgress) => onProgress?.((done + weight * fraction) / total, name),
    }
    const { far, near } = model.flow
    const solver = solverByName(solverOptions(settings), far.height, near.height)
    const { images, nfe, status } = await sample(model, solver, common)
    return { images, nfe, finite: status.every((ended) => ended !== 'notFinite') }
  }
  const distanceOf = async ({ images, finite }: Awaited<ReturnType<typeof draw>>) =>
    data && finite ? { energyDistance: await energyDistance(images, data) } : {}
  const clipped = isClipped(model.network.itemShape)
  const reference = await draw(REFERENCE, 'the converged solution', 0, REFERENCE_RUNS, {})
  using converged = reference.images
  const convergedDistance = await distanceOf(reference)
  const points: ComparisonPoint[] = []
  for (const [i, settings] of runs.entries()) {
    const solver = solverLabel(settings)
    const drawn = await draw(settings, solver, REFERENCE_RUNS + i)
    using samples = drawn.images
    points.push({
      solver,
      settings,
      evaluations: drawn.nfe,
      ...(await errorFigures(samples, converged, clipped)),
      ...(await distanceOf(drawn)),
    })
  }
  return {
    count,
    seed: String(seed),
    reference: REFERENCE,
    ...convergedDistance,
    points,
    solvers: summarise(points, convergedDistance.energyDistance),
  }
}

function candidates(evaluations: readonly number[]): (SolverSettings & { solver: SolverName })[] {
  const fixed = (['karras', 'uniform'] as const).flatMap((schedule) =>
    FIXED.flatMap(({ cost, ...settings }) => {
      const steps = evaluations.map((wanted) => Math.max(1, Math.round(wanted / cost)))
      return [...new Set(steps)].map((n) => ({ ...settings, schedule, steps: n }))
    }),
  )
  const adaptive = (['rk45', 'tsit5', 'bs23'] as const).flatMap((solver) =>
    (['i', 'pi', 'pid'] as const).flatMap((controller) =>
      TOLERANCES.map((tolerance) => ({ solver, controller, rtol: tolerance, atol: tolerance })),
    ),
  )
  return [...fixed, ...adaptive, ...MULTISTEP_TOLERANCES.map(adaptiveUnipc)]
}

/** adaptive-unipc at a relative tolerance, with the absolute one that goes with it. */
export function adaptiveUnipc(rtol: number) {
  return { solver: 'adaptive-unipc', rtol, atol: rtol / 2 } as const
}

/** Method, order and schedule or controller. */
export function solverLabel({ solver, order, schedule, controller }: SolverSettings): string {
  return [solver, order, schedule ?? controller].filter((part) => part !== undefined).join(' ')
}

function summarise(points: readonly ComparisonPoint[], converged?: number): SolverSummary[] {
  const names = [...new Set(points.map(({ solver }) => solver))]
  return names.map((solver) => {
    const line = points
      .filter((point) => point.solver === solver)
      .sort((a, b) => a.evaluations - b.evaluations)
    const order = convergenceOrder(line)
    const enough = converged === undefined ? undefined : enoughEvaluations(line, converged)
    return { solver, ...(order !== undefined && { order }), ...(enough !== undefined && { enough }) }
  })
}

/** @param line by evaluations */
function convergenceOrder(line: readonly ComparisonPoint[]): number | undefined {
  const usable = line.filter(({ median }) => median > 0 && median < Number.POSITIVE_INFINITY).slice(-3)
  const x = usable.map(({ evaluations }) => Math.log(evaluations))
  const y = usable.map(({ median }) => Math.log(median))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [middleX, middleY] = [mean(x), mean(y)]
  const covariance = x.reduce((sum, value, i) => sum + (value - middleX) * (y[i]! - middleY), 0)
  const variance = x.reduce((sum, value) => sum + (value - middleX) ** 2, 0)
  return variance > 0 ? -covariance / variance : undefined
}

/** @param line by evaluations */
function enoughEvaluations(line: readonly ComparisonPoint[], converged: number): number | undefined {
  const isNear = ({ energyDistance = Number.NaN }: ComparisonPoint) =>
    Math.abs(energyDistance - converged) <= 0.05 * Math.abs(converged)
  const lastFar = line.findLastIndex((point) => !isNear(point))
  return line[lastFar + 1]?.evaluations
}
