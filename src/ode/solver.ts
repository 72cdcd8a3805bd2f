import type { Churn } from './churn.js'
import type { StepController } from './controllers/controller.js'
import { integralController } from './controllers/integral.js'
import { pidController } from './controllers/pid.js'
import { proportionalIntegralController } from './controllers/proportional-integral.js'
import { ANNEALED_LANGEVIN } from './correctors/annealed-langevin.js'
import type { Corrector } from './correctors/corrector.js'
import { LANGEVIN } from './correctors/langevin.js'
import { deis, ipndm } from './multistep-methods/adams-bashforth.js'
import { DPM_SOLVER_2M, DPM_SOLVER_3M, unipc } from './multistep-methods/dpm-solver.js'
import type { MultistepMethod } from './multistep-methods/multistep-method.js'
import { SDE_DPM_SOLVER_2M } from './multistep-methods/sde-dpm-solver.js'
import { type MultistepTable, tableMethod } from './multistep-methods/table.js'
import { ancestral } from './predictors/ancestral.js'
import { eulerMaruyama } from './predictors/euler-maruyama.js'
import type { Predictor } from './predictors/predictor.js'
import { reverseDiffusion, reverseDiffusionFlow } from './predictors/reverse-diffusion.js'
import { karrasHeights } from './schedules/karras.js'
import { uniformInLogHeight } from './schedules/uniform.js'
import {
  type ControllerName,
  type CorrectorName,
  isPredictor,
  type MultistepName,
  ODE_SOLVERS,
  type PredictorName,
  type RungeKuttaName,
  type SolverName,
  type SolverOptions,
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
  /** Along given heights. */
  readonly churn?: Churn
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

/** Steps with noise back along an SDE, at even times. */
export interface PredictorCorrectorSolver {
  readonly kind: 'predictorCorrector'
  readonly name: PredictorName
  readonly predictor: Predictor
  readonly corrector?: Corrector
  readonly correctorSteps: number
  readonly snr: number
  /** Whose norms set the size of a corrector's step: each sample's, or the batch's mean, as published. */
  readonly norms: 'sample' | 'batch'
  readonly steps: number
  readonly variable: Variable
}

/** A method and how its steps are chosen. */
export type Solver = RungeKuttaSolver | MultistepSolver | AdaptiveMultistepSolver | PredictorCorrectorSolver

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
  'sde-dpm2m': () => SDE_DPM_SOLVER_2M,
}

const PREDICTORS: Readonly<Record<PredictorName, Predictor>> = {
  'euler-maruyama': eulerMaruyama,
  'reverse-diffusion': reverseDiffusion,
  'reverse-diffusion-flow': reverseDiffusionFlow,
  ancestral,
}

const CORRECTORS: Readonly<Record<CorrectorName, Corrector>> = {
  langevin: LANGEVIN,
  'annealed-langevin': ANNEALED_LANGEVIN,
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
  if (isPredictor(solver)) return predictorSolver(solver, options)
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
  if (controller === 'constant') {
    const churn = options.churn > 0 ? { churn: churnOf(options) } : {}
    return { kind: 'rungeKutta', ...RUNGE_KUTTA[solver], steps: fixed(), ...churn }
  }
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

function predictorSolver(name: PredictorName, options: SolverOptions): PredictorCorrectorSolver {
  const { corrector, correctorSteps, snr, norms, steps } = options
  return {
    kind: 'predictorCorrector',
    name,
    predictor: PREDICTORS[name],
    ...(corrector && { corrector: CORRECTORS[corrector] }),
    correctorSteps,
    snr,
    norms,
    steps,
    variable: LOG_HEIGHT,
  }
}

/** S_churn is shared out over all steps, the one to the denoised image among them. */
function churnOf({ churn, churnMin, churnMax, churnNoise, steps }: SolverOptions): Churn {
  return { growth: churn / (steps + 1), from: churnMin, to: churnMax, noise: churnNoise }
}

/** Whether the steps are along given heights. */
export function hasGivenHeights({
  solver,
  controller = defaultController(solver),
  churn,
}: SolverOptions): boolean {
  return controller === 'constant' && solver !== 'adaptive-unipc' && isDeterministic(solver) && churn === 0
}

const isDeterministic = (solver: SolverName): boolean => (ODE_SOLVERS as readonly string[]).includes(solver)

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
