import type { StepController } from './controllers/controller.js'
import { integralController } from './controllers/integral.js'
import { pidController } from './controllers/pid.js'
import { proportionalIntegralController } from './controllers/proportional-integral.js'
import { deis, ipndm } from './multistep-methods/adams-bashforth.js'
import { DPM_SOLVER_2M, DPM_SOLVER_3M, unipc } from './multistep-methods/dpm-solver.js'
import type { MultistepMethod } from './multistep-methods/multistep-method.js'
import { type MultistepTable, tableMethod } from './multistep-methods/table.js'
import { karrasHeights } from './schedules/karras.js'
import { uniformInLogHeight } from './schedules/uniform.js'
import type {
  ControllerName,
  MultistepName,
  RungeKuttaName,
  SolverName,
  SolverOptions,
} from './solver-options.js'
import { BOGACKI_SHAMPINE } from './tableaus/bogacki-shampine.js'
import { DORMAND_PRINCE } from './tableaus/dormand-prince.js'
import { EULER } from './tableaus/euler.js'
import { HEUN } from './tableaus/heun.js'
import { KUTTA } from './tableaus/kutta.js'
import type { Tableau } from './tableaus/tableau.js'
import { TSITOURAS } from './tableaus/tsitouras.js'
import { HEIGHT, LOG_HEIGHT, type Variable } from './variable.js'

/** Steps whose size follows their error. */
export interface AdaptiveSteps {
  readonly kind: 'adaptive'
  readonly controller: StepController
  readonly rtol: number
  readonly atol: number
}

/** Steps along given heights. */
export interface FixedSteps {
  readonly kind: 'fixed'
  readonly heights: Float64Array
}

/** A Runge-Kutta method and what it steps in. */
interface RungeKuttaMethod {
  readonly tableau: Tableau
  readonly variable: Variable
  /** A one-stage method for the last step, where a second stage would be evaluated at the data. */
  readonly lastStep?: Tableau
}

export interface RungeKuttaSolver extends RungeKuttaMethod {
  readonly kind: 'rungeKutta'
  readonly steps: AdaptiveSteps | FixedSteps
}

export interface MultistepSolver {
  readonly kind: 'multistep'
  readonly method: MultistepMethod
  readonly variable: Variable
  readonly steps: FixedSteps
}

/** A multistep method with steps of each sample's own, in the denoised value and towards the data. */
export interface AdaptiveMultistepSolver {
  readonly kind: 'adaptiveMultistep'
  readonly method: MultistepMethod
  /** The same for a step whose both sides are known, which cannot overshoot. */
  readonly between: MultistepMethod
  readonly variable: Variable
  readonly rtol: number
  readonly atol: number
}

/** A method and how its steps are chosen. */
export type Solver = RungeKuttaSolver | MultistepSolver | AdaptiveMultistepSolver

const RUNGE_KUTTA: Readonly<Record<RungeKuttaName, RungeKuttaMethod>> = {
  rk45: { tableau: DORMAND_PRINCE, variable: LOG_HEIGHT },
  tsit5: { tableau: TSITOURAS, variable: LOG_HEIGHT },
  bs23: { tableau: BOGACKI_SHAMPINE, variable: LOG_HEIGHT },
  rk4: { tableau: KUTTA, variable: LOG_HEIGHT },
  heun: { tableau: HEUN, variable: HEIGHT, lastStep: EULER },
  euler: { tableau: EULER, variable: HEIGHT },
}

const MULTISTEP: Readonly<Record<MultistepName, (order: number) => MultistepMethod>> = {
  dpm2m: () => DPM_SOLVER_2M,
  dpm3m: () => DPM_SOLVER_3M,
  unipc: (order) => unipc('unipc', order),
  ipndm,
  deis,
}

const CONTROLLERS: Readonly<Record<Exclude<ControllerName, 'constant'>, () => StepController>> = {
  i: integralController,
  pi: proportionalIntegralController,
  pid: pidController,
}

/** Of adaptive-unipc, as measured (docs/notes/adaptive-unipc.md). */
export const ADAPTIVE_DAMPING = 4

/**
 * A solver by name or table, for a path from one height to another.
 * @param searched the heights of the schedule `searched`
 * @throws RangeError where a controller is asked of a method without an error estimate or with steps of its own, or a
 *   table is for another path
 */
export function solverByName(
  options: SolverOptions,
  from: number,
  to: number,
  searched?: Float64Array,
): Solver {
  if (options.solverTable) return tableSolver(options.solverTable, from, to)
  const { solver, controller = defaultController(solver) } = options
  const fixed = (): FixedSteps => ({
    kind: 'fixed',
    heights: searched ?? scheduleHeights(options, from, to),
  })
  if (solver === 'adaptive-unipc') {
    if (options.controller !== undefined) {
      throw new RangeError(
        `Expected no controller for ${solver}, which sets its own steps, but received ${controller}`,
      )
    }
    const { rtol, atol, order } = options
    const [method, between] = [unipc(solver, order, ADAPTIVE_DAMPING), unipc(solver, order)]
    return { kind: 'adaptiveMultistep', method, between, variable: HEIGHT, rtol, atol }
  }
  if (controller !== 'constant' && !hasEstimate(solver)) {
    throw new RangeError(
      `Expected controller to be constant for ${solver}, which has no error estimate, but received ${controller}`,
    )
  }
  if (isMultistep(solver)) {
    const method = MULTISTEP[solver](options.order)
    return { kind: 'multistep', method, variable: HEIGHT, steps: fixed() }
  }
  if (controller === 'constant') return { kind: 'rungeKutta', ...RUNGE_KUTTA[solver], steps: fixed() }
  const { rtol, atol } = options
  const steps: AdaptiveSteps = { kind: 'adaptive', controller: CONTROLLERS[controller](), rtol, atol }
  return { kind: 'rungeKutta', ...RUNGE_KUTTA[solver], steps }
}

function tableSolver(table: MultistepTable, from: number, to: number): MultistepSolver {
  const [first, last] = [table.heights[0]!, table.heights.at(-1)!]
  if (first !== from || last !== to) {
    throw new RangeError(
      `Expected solverTable to lead from height ${from} to ${to}, as the path does, but received one from ${first} to ${last}`,
    )
  }
  const steps: FixedSteps = { kind: 'fixed', heights: Float64Array.from(table.heights) }
  return { kind: 'multistep', method: tableMethod(table), variable: HEIGHT, steps }
}

/** Whether the steps are along given heights. */
export function hasGivenHeights({ solver, controller = defaultController(solver) }: SolverOptions): boolean {
  return controller === 'constant' && solver !== 'adaptive-unipc'
}

const isMultistep = (solver: SolverName): solver is MultistepName => solver in MULTISTEP

const isRungeKutta = (solver: SolverName): solver is RungeKuttaName => solver in RUNGE_KUTTA

const hasEstimate = (solver: SolverName): boolean =>
  isRungeKutta(solver) && RUNGE_KUTTA[solver].tableau.embedded !== undefined

const defaultController = (solver: SolverName): ControllerName => (hasEstimate(solver) ? 'i' : 'constant')

function scheduleHeights(options: SolverOptions, from: number, to: number): Float64Array {
  const { steps, rho, schedule = isMultistep(options.solver) ? 'karras' : 'uniform' } = options
  if (schedule === 'searched') throw new Error('searched heights are searched before the path begins')
  return schedule === 'karras' ? karrasHeights(from, to, steps, rho) : uniformInLogHeight(from, to, steps)
}
