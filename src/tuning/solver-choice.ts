import { type Fields, integer, number, oneOf } from '../arguments/schema.js'
import { describe } from '../check.js'
import { PfgmError } from '../errors.js'
import type { Model } from '../model/model.js'
import {
  SETTINGS,
  SOLVER_FIELDS,
  SOLVERS,
  type SolverName,
  type SolverOptions,
  type SolverSettings,
  solverOptions,
} from '../ode/solver-options.js'
import { once } from './once.js'
import { MEASURED_ON, type SearchOptions } from './schedule-search.js'
import { type MeasuredSolver, type SearchedSchedule, solverCacheOf } from './solver-cache.js'
import { adaptiveUnipc, measureSolvers, solverLabel } from './solver-comparison.js'

/** A solver as a sampling asks for it: by name with its settings, or as a goal. */
export interface SolverRequest extends Omit<SolverSettings, 'solver'> {
  /**
   * A method by name, as in `SolverSettings`, or `auto`: the best setting for `error` or `evaluations` in a comparison
   * measured on this model, once, and kept as searched schedules are. It is measured on paths from z_max of steps of
   * each sample's own, with nothing done to them. Default adaptive-unipc.
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
}

export const REQUEST_FIELDS: Fields<SolverRequest> = {
  ...SOLVER_FIELDS,
  solver: oneOf([...SOLVERS, 'auto']),
  error: number(1e-9, 1),
  evaluations: integer(1, 1_000_000),
}

/** What the solver `auto` is to reach: a mean error at the least cost, or the least mean error at a cost. */
export type SolverGoal =
  | { readonly solver: 'auto'; readonly error: number }
  | { readonly solver: 'auto'; readonly evaluations: number }

/** A solver that was chosen for a model, and what it was measured to do. */
export interface ChosenSolver extends MeasuredSolver {
  /** From how many starts, i of them that of seed + i. */
  readonly count: number
  /** The first of their seeds. */
  readonly seed: string
}

/** The methods along given heights that are the best ones somewhere; they take one evaluation a step. */
const MULTISTEP = [
  { solver: 'dpm2m' },
  { solver: 'dpm3m' },
  { solver: 'unipc', order: 2 },
  { solver: 'ipndm', order: 2 },
  { solver: 'ipndm', order: 3 },
] as const satisfies SolverSettings[]
const STEPS = [6, 8, 10, 12, 15, 20, 30, 40]
/** Of adaptive-unipc, relative. */
const ADAPTIVE_TOLERANCES = [0.06, 0.042, 0.03, 0.021, 0.01, 0.005, 0.0025, 0.00095, 0.0003]
/** Of rk45. */
const TOLERANCES = [1e-4, 1e-5]

/** All that `auto` chooses from, besides schedules that were searched. */
const CANDIDATES: readonly SolverSettings[] = [
  ...MULTISTEP.flatMap((method) => STEPS.map((steps) => ({ ...method, schedule: 'karras' as const, steps }))),
  ...ADAPTIVE_TOLERANCES.map(adaptiveUnipc),
  ...TOLERANCES.map((rtol) => ({ solver: 'rk45' as const, rtol, atol: rtol })),
]

/**
 * The solver that is named, with its defaults, or what `auto` is to reach, of a request that was parsed.
 * @throws TypeError or RangeError where options do not go together
 */
export function solverOrGoal({
  solver,
  error,
  evaluations,
  ...settings
}: SolverRequest): SolverOptions | SolverGoal {
  if (solver !== 'auto') {
    const options = solverOptions(solver === undefined ? settings : { solver, ...settings })
    if (error === undefined && evaluations === undefined) return options
    throw new TypeError(
      `Expected ${error === undefined ? 'evaluations' : 'error'} to be given with the solver auto only but received ${error ?? evaluations} without it`,
    )
  }
  for (const name of SETTINGS) {
    if (name === 'solver' || settings[name] === undefined) continue
    throw new TypeError(
      `Expected no ${name} with the solver auto, which chooses it, but received ${describe(settings[name])}`,
    )
  }
  if ((error === undefined) === (evaluations === undefined)) {
    throw new TypeError(
      `Expected either error or evaluations with the solver auto but received ${error === undefined ? 'neither' : 'both'}`,
    )
  }
  return error === undefined ? { solver, evaluations: evaluations! } : { solver, error }
}

/**
 * The cheapest setting whose mean error plus twice its standard error is within what is wanted, or the one of the least
 * mean error among those that take no more evaluations than are wanted: of a comparison that is measured on a model once,
 * then taken from its cache, and of the schedules searched for it, which were measured from the same starts.
 * @throws RangeError where nothing reaches the goal
 */
export async function chooseSolver(
  model: Model,
  goal: SolverGoal,
  options: SearchOptions,
): Promise<ChosenSolver> {
  const cache = solverCacheOf(model)
  const measured = async () => (await cache.content()).comparison ?? (await compare(model, options))
  const comparison = await once(cache, 'comparison', options.signal, measured)
  const { schedules } = await cache.content()
  const all = [...comparison, ...schedules.filter(hasOneEvaluationAStep).map(measuredSchedule)]
  return { ...bestFor(goal, all), count: MEASURED_ON.count, seed: String(MEASURED_ON.seed) }
}

async function compare(
  model: Model,
  { signal, onProgress }: SearchOptions,
): Promise<readonly MeasuredSolver[]> {
  const { points } = await measureSolvers(model, CANDIDATES, {
    ...MEASURED_ON,
    ...(signal && { signal }),
    onProgress: (fraction, solver) => onProgress?.(fraction, `error of ${solver}`),
  })
  const comparison = points.map(({ solver, settings, evaluations, mean, standardError }) => ({
    solver,
    settings,
    evaluations,
    mean,
    standardError,
  }))
  await solverCacheOf(model).add({ comparison })
  return comparison
}

const hasOneEvaluationAStep = ({ solver }: SearchedSchedule): boolean =>
  MULTISTEP.some((method) => method.solver === solver)

function measuredSchedule({ solver, order, steps, mean, standardError }: SearchedSchedule): MeasuredSolver {
  const settings = { solver, ...(order !== undefined && { order }), schedule: 'searched' as const, steps }
  return { solver: solverLabel(settings), settings, evaluations: steps, mean, standardError }
}

/**
 * What the mean error is hardly above on other starts: that of the worst few starts, of which few were measured, makes
 * most of it, and the best of many settings is chosen on the same ones.
 */
const likelyMost = ({ mean, standardError }: MeasuredSolver): number => mean + 2 * standardError

/**
 * The best of what was measured.
 * @throws RangeError that says the best there is, where nothing reaches the goal
 */
export function bestFor(goal: SolverGoal, measured: readonly MeasuredSolver[]): MeasuredSolver {
  const finite = measured.filter(({ mean }) => mean < Number.POSITIVE_INFINITY)
  const byError = finite.toSorted((a, b) => a.mean - b.mean || a.evaluations - b.evaluations)
  const byCost = finite.toSorted((a, b) => a.evaluations - b.evaluations || a.mean - b.mean)
  const exactest = finite.toSorted(
    (a, b) => likelyMost(a) - likelyMost(b) || a.evaluations - b.evaluations,
  )[0]
  const cheapest = byCost[0]
  if (!exactest || !cheapest) {
    throw new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      'No solver gives samples that are all finite: train longer, or lower the learning rate',
    )
  }
  if ('error' in goal) {
    const found = byCost.find((point) => likelyMost(point) <= goal.error)
    if (found) return found
    throw new RangeError(
      `Expected error to be at least ${roundedUp(likelyMost(exactest))}, the least measured on this model and twice its standard error, which ${exactest.solver} has at ${exactest.evaluations.toFixed(1)} evaluations a sample, but received ${goal.error}: name a solver and a tolerance for less`,
    )
  }
  const found = byError.find(({ evaluations }) => evaluations <= goal.evaluations)
  if (found) return found
  throw new RangeError(
    `Expected evaluations to be at least ${Math.ceil(cheapest.evaluations)}, the fewest measured on this model, with which ${cheapest.solver} has a mean error of ${roundedUp(cheapest.mean)}, but received ${goal.evaluations}`,
  )
}

/** Three digits that are no less than the value. */
const roundedUp = (value: number): string => String(Number((value * 1.005).toPrecision(3)))
