import { FUNCTION, optionsSchema, parse, parseOptions, SIGNAL } from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { MODEL, type Model } from '../model/model.js'
import { sample } from '../model/sample.js'
import { sampleKeys } from '../model/samples.js'
import { ipndm } from '../ode/multistep-methods/adams-bashforth.js'
import type { MultistepMethod } from '../ode/multistep-methods/multistep-method.js'
import { karrasHeights } from '../ode/schedules/karras.js'
import { hasGivenHeights, solverByName } from '../ode/solver.js'
import {
  hasOrder,
  SOLVER_FIELDS,
  type SolverOptions,
  type SolverSettings,
  solverOptions,
} from '../ode/solver-options.js'
import type { Tensor } from '../tensor/tensor.js'
import { type DenseTrajectories, denseTrajectories } from './dense-trajectories.js'
import { cappedError, errorFigures, isClipped } from './error-figures.js'
import { once } from './once.js'
import { leastCostWay, warpedHeights } from './searched-heights.js'
import { isFor, type SearchedSchedule, type SolverCache, solverCacheOf } from './solver-cache.js'
import { stepErrors } from './step-error.js'

/** Options of what searches. */
export interface SearchOptions {
  /** Ends the search; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called with the share of the search that is done, 0 to 1, and what is searched for. */
  onProgress?: ((fraction: number, what: string) => void) | undefined
}

const SETTINGS_SCHEMA = optionsSchema<SolverSettings>(SOLVER_FIELDS)
const SEARCH_SCHEMA = optionsSchema<SearchOptions>({ signal: SIGNAL, onProgress: FUNCTION })

/** Trajectories to search with, and others to measure the result on. */
const TRAJECTORIES = 48
/** Their starts' seeds are far from those that people take. */
const SEED = 2n ** 63n
/** The starts of the others: figures for different solvers can be compared only where they have the same. */
export const MEASURED_ON = { count: TRAJECTORIES, seed: SEED + BigInt(TRAJECTORIES) } as const
/** Candidates for the heights of a schedule: Karras heights. */
const CANDIDATES = 49
const RHO = 7
const MOST_STEPS = 40
/** A start that breaks down counts as much as one that is wrong by this much everywhere, or it would decide alone. */
const LARGEST_ERROR = 0.1
const WAVES = 4
/** Karras heights that lie between two of a schedule that is bent, and the lower of the two. */
const BETWEEN = 64
/** Sizes of the waves to try, in shares of the way. */
const SIZES = [0.06, 0.03, 0.03, 0.015]

/**
 * The heights with which a method of given steps has the least error on a model: searched on trajectories of the model
 * once, then taken from its cache (`schedules.json` in a run folder).
 *
 * Dynamic programming over the errors of single steps gives one schedule, as in GITS (arXiv 2405.11326), Karras et al.
 * another. The one whose samples come nearer to the dense trajectories' ends is then bent by a few sine waves as long
 * as that brings them nearer still. The error stated is that on other trajectories.
 * @param settings method, order and number of steps: one along given heights
 * @throws RangeError for a method whose steps follow their error
 */
export async function searchSchedule(
  model: Model,
  settings: SolverSettings,
  options: SearchOptions = {},
): Promise<SearchedSchedule> {
  parse('model', MODEL, model)
  const given = parse('settings', SETTINGS_SCHEMA, settings)
  const parsed = parseOptions('searchSchedule', SEARCH_SCHEMA, options)
  const solver = solverOptions({ ...given, schedule: 'karras' })
  if (!hasGivenHeights(solver)) {
    throw new RangeError(
      `Expected controller to be constant where the schedule is searched but received ${solver.solver}, whose steps follow their error or have noise`,
    )
  }
  expectInteger('steps of a searched schedule', solver.steps, 2, MOST_STEPS)
  const wanted = {
    solver: solver.solver,
    ...(hasOrder(solver.solver) && { order: solver.order }),
    steps: solver.steps,
  }
  const cache = solverCacheOf(model)
  const known = async () => (await cache.content()).schedules.find((one) => isFor(one, wanted))
  return once(cache, JSON.stringify(wanted), parsed.signal, async () => {
    const found = await known()
    if (found) return found
    const schedule = { ...wanted, ...(await search(model, solver, parsed)) }
    await cache.add({ schedules: [schedule] })
    return schedule
  })
}

/** Dense trajectories of a model, and the ends of others: every search needs them. */
interface Searched {
  readonly trajectories: DenseTrajectories
  readonly ends: Tensor<'float64'>
  readonly otherEnds: Tensor<'float64'>
}

/** Kept as long as the model's cache is there, which is as long as its weights stay. */
const SEARCHED = new WeakMap<SolverCache, Searched>()

async function searchedOf(model: Model, { signal, onProgress }: SearchOptions): Promise<Searched> {
  const cache = solverCacheOf(model)
  return once(cache, 'trajectories', signal, async () => {
    const known = SEARCHED.get(cache)
    if (known) return known
    const { far, near } = model.flow
    const heights = karrasHeights(far.height, near.height, CANDIDATES - 1, RHO)
    const follow = async (first: number) => {
      const keys = sampleKeys(SEED, first, TRAJECTORIES)
      using start = await model.flow.prior(keys, model.network.dimensions)
      return denseTrajectories(model.sharedFlow(), start, heights, model.network.device, {
        signal,
        onProgress: (fraction) =>
          onProgress?.((fraction + first / TRAJECTORIES) / 2, 'trajectories to search with'),
      })
    }
    const trajectories = await follow(0)
    using others = await follow(TRAJECTORIES)
    const made = { trajectories, ends: await endsOf(trajectories), otherEnds: await endsOf(others) }
    for (const resource of Object.values(made)) model.keep(resource)
    SEARCHED.set(cache, made)
    return made
  })
}

/** The last states, `[count, N]`. */
const endsOf = ({ states, heights }: DenseTrajectories) => states.select(0, heights.length - 1)

async function search(model: Model, options: SolverOptions, { signal, onProgress }: SearchOptions) {
  const what = `heights of ${options.steps} steps of ${options.solver}`
  const share = SEARCHED.has(solverCacheOf(model)) ? 0 : 0.4
  const { trajectories, ends, otherEnds } = await searchedOf(model, {
    signal,
    onProgress: (fraction, text) => onProgress?.(share * fraction, text),
  })
  const error = async (heights: Float64Array) => {
    using drawn = await sampleAlong(model, options, heights, 0, signal)
    return cappedError(drawn, ends, LARGEST_ERROR)
  }
  let tried = 0
  const tries = 2 * SIZES.length * WAVES * 2
  const best = await bend(
    await startingHeights(options, trajectories, error, signal),
    options.steps,
    (heights) => {
      onProgress?.(share + (1 - share) * Math.min(1, tried++ / tries), what)
      return error(heights)
    },
  )
  using drawn = await sampleAlong(model, options, best, TRAJECTORIES, signal)
  return {
    heights: [...best],
    count: MEASURED_ON.count,
    seed: String(MEASURED_ON.seed),
    ...(await errorFigures(drawn, otherEnds, isClipped(model.network.itemShape))),
  }
}

/**
 * Of the schedules that need no search by samples, the one that gives the better ones; Karras heights with others
 * between them, so that they bend smoothly.
 */
async function startingHeights(
  options: SolverOptions,
  trajectories: DenseTrajectories,
  error: (heights: Float64Array) => Promise<number>,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const { heights } = trajectories
  const { steps } = options
  const karras = karrasHeights(heights[0]!, heights.at(-1)!, steps, RHO)
  const stepCost = await stepErrors(trajectories, methodOf(options), signal)
  const cheapest = Float64Array.from(
    leastCostWay(heights.length, steps, stepCost),
    (place) => heights[place]!,
  )
  if ((await error(cheapest)) < (await error(karras))) return cheapest
  return karrasHeights(heights[0]!, heights.at(-1)!, BETWEEN * steps, RHO)
}

/** The multistep method whose single steps have a method's errors, as far as they can be told from dense trajectories. */
function methodOf(options: SolverOptions): MultistepMethod {
  const solver = solverByName(options, 2, 1)
  if (solver.kind === 'multistep' || solver.kind === 'adaptiveMultistep') return solver.method
  return solver.kind === 'rungeKutta' && solver.tableau.order === 1 ? ipndm(1) : TRAPEZOID
}

/** Heun's method with the drift at the exact state. */
const TRAPEZOID: MultistepMethod = {
  name: 'trapezoid',
  view: 'height',
  order: 1,
  corrects: true,
  weights: (from, to, heights) => ({ ofX: 1, ofKnown: heights.map(() => (to - from) / heights.length) }),
}

/** Bends heights by sine waves, large ones first, as long as that lowers the error. */
async function bend(
  base: Float64Array,
  steps: number,
  error: (heights: Float64Array) => Promise<number>,
): Promise<Float64Array> {
  const straight = warpedHeights(base, steps, [])!
  let best = { waves: new Array<number>(WAVES).fill(0), heights: straight, error: await error(straight) }
  for (const size of SIZES) {
    for (const wave of best.waves.keys()) {
      for (const change of [size, -size]) {
        const waves = best.waves.with(wave, best.waves[wave]! + change / Math.sqrt(wave + 1))
        const heights = warpedHeights(base, steps, waves)
        if (heights === undefined) continue
        const found = await error(heights)
        if (found < best.error) best = { waves, heights, error: found }
      }
    }
  }
  return best.heights
}

/** Samples along given heights from the starts of a search, `first` on: `[count, N]`. */
async function sampleAlong(
  model: Model,
  options: SolverOptions,
  heights: Float64Array,
  first: number,
  signal: AbortSignal | undefined,
): Promise<Tensor<'float32'>> {
  const { far, near } = model.flow
  const solver = solverByName(options, far.height, near.height, heights)
  const { images } = await sample(model, solver, {
    count: TRAJECTORIES,
    seed: SEED + BigInt(first),
    keepNotFinite: true,
    ...(signal && { signal }),
  })
  return images
}
