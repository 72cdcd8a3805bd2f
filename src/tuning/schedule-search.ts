import { expectInteger } from '../check.js'
import { drawPrior } from '../flow/pfgm.js'
import { sampleKeys } from '../model/samples.js'
import { perSampleNorm } from '../ode/error-norm.js'
import { ipndm } from '../ode/multistep-methods/adams-bashforth.js'
import type { MultistepMethod } from '../ode/multistep-methods/multistep-method.js'
import { integrate } from '../ode/pool/pool.js'
import { karrasHeights } from '../ode/schedules/karras.js'
import { hasGivenHeights, solverByName } from '../ode/solver.js'
import { type SolverOptions, type SolverSettings, solverOptions } from '../ode/solver-options.js'
import type { PoissonFlow } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import { type DenseTrajectories, denseTrajectories } from './dense-trajectories.js'
import { errorFigures, pixelError, seen } from './error-figures.js'
import { leastCostWay, warpedHeights } from './searched-heights.js'
import { isFor, type SearchedSchedule } from './solver-cache.js'
import { stepErrors } from './step-error.js'

export interface SearchOptions {
  /** Ends the search; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Called with the share of the search that is done, 0 to 1, and what is searched for. */
  onProgress?: ((fraction: number, what: string) => void) | undefined
}

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
  model: PoissonFlow,
  settings: SolverSettings,
  options: SearchOptions = {},
): Promise<SearchedSchedule> {
  const solver = solverOptions({ ...settings, schedule: 'karras' })
  if (!hasGivenHeights(solver)) {
    throw new RangeError(
      `Expected controller to be constant where the schedule is searched but received ${solver.solver}, whose steps follow their error`,
    )
  }
  expectInteger('steps of a searched schedule', solver.steps, 2, MOST_STEPS)
  const wanted = {
    solver: solver.solver,
    ...(hasOrder(solver) && { order: solver.order }),
    steps: solver.steps,
  }
  const { schedules } = await model.solverCache.content()
  const found = schedules.find((schedule) => isFor(schedule, wanted))
  if (found) return found
  const schedule = { ...wanted, ...(await search(model, solver, options)) }
  await model.solverCache.add({ schedules: [schedule] })
  return schedule
}

const hasOrder = ({ solver }: SolverOptions): boolean => ['unipc', 'ipndm', 'deis'].includes(solver)

/** Dense trajectories of a model, kept as long as it is there: every search needs them. */
const TRAJECTORIES_OF = new WeakMap<PoissonFlow, { searched: DenseTrajectories; others: Float64Array }>()

async function trajectoriesOf(model: PoissonFlow, { signal, onProgress }: SearchOptions) {
  const known = TRAJECTORIES_OF.get(model)
  if (known) return known
  const { zMax, zMin } = model.config.flow
  const heights = karrasHeights(zMax, zMin, CANDIDATES - 1, RHO)
  const follow = async (first: number) => {
    using start = await starts(model, first, TRAJECTORIES)
    return denseTrajectories(model.sharedFlow(), start, heights, model.network.device, {
      signal,
      onProgress: (fraction) =>
        onProgress?.((fraction + first / TRAJECTORIES) / 2, 'trajectories to search with'),
    })
  }
  const searched = await follow(0)
  const made = { searched, others: (await follow(TRAJECTORIES)).states.at(-1)! }
  TRAJECTORIES_OF.set(model, made)
  return made
}

async function search(model: PoissonFlow, options: SolverOptions, { signal, onProgress }: SearchOptions) {
  const what = `heights of ${options.steps} steps of ${options.solver}`
  const share = TRAJECTORIES_OF.has(model) ? 0 : 0.4
  const { searched, others } = await trajectoriesOf(model, {
    signal,
    onProgress: (fraction, text) => onProgress?.(share * fraction, text),
  })
  const error = async (heights: Float64Array) =>
    cappedError(await sampleAlong(model, options, heights, 0, signal), searched.states.at(-1)!)
  let tried = 0
  const tries = 2 * SIZES.length * WAVES * 2
  const best = await bend(
    await startingHeights(options, searched, error, signal),
    options.steps,
    (heights) => {
      onProgress?.(share + (1 - share) * Math.min(1, tried++ / tries), what)
      return error(heights)
    },
  )
  const drawn = await sampleAlong(model, options, best, TRAJECTORIES, signal)
  return {
    heights: [...best],
    count: MEASURED_ON.count,
    seed: String(MEASURED_ON.seed),
    ...errorFigures(
      seen(drawn, model.network.itemShape),
      seen(others, model.network.itemShape),
      MEASURED_ON.count,
    ),
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
  if (solver.kind !== 'rungeKutta') return solver.method
  return solver.tableau.order === 1 ? ipndm(1) : TRAPEZOID
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

/** Mean over the samples of their mean |error| of pixels in [0, 1], none counted as more than `LARGEST_ERROR`. */
function cappedError(values: Float64Array, converged: Float64Array): number {
  const size = values.length / TRAJECTORIES
  let total = 0
  for (let first = 0; first < values.length; first += size) {
    let sum = 0
    for (let i = first; i < first + size; i++) sum += pixelError(values[i]!, converged[i]!)
    total += Math.min(LARGEST_ERROR, sum / size)
  }
  return total / TRAJECTORIES
}

async function starts(model: PoissonFlow, first: number, count: number): Promise<Tensor<'float64'>> {
  return drawPrior(sampleKeys(SEED, first, count), model.network.dimensions, model.config.flow)
}

/** Samples along given heights from the starts of a search, `first` on. */
async function sampleAlong(
  model: PoissonFlow,
  options: SolverOptions,
  heights: Float64Array,
  first: number,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const { zMax, zMin } = model.config.flow
  const { dimensions, device } = model.network
  using out = await Tensor.from<'float64'>(new Float64Array(TRAJECTORIES * dimensions), [
    TRAJECTORIES,
    dimensions,
  ])
  const problem = {
    flow: model.sharedFlow(),
    count: TRAJECTORIES,
    from: zMax,
    to: zMin,
    device,
    shape: model.network.itemShape,
    start: (begin: number, added: number) => starts(model, first + begin, added),
  }
  await integrate(problem, solverByName(options, zMax, zMin, heights), out, {
    norm: perSampleNorm(dimensions),
    capacity: TRAJECTORIES,
    keepNotFinite: true,
    signal,
  })
  return out.data()
}
