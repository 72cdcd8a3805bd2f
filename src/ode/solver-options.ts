import { z } from 'zod'
import { type Fields, integer, number, oneOf } from '../arguments/schema.js'
import { describe, expectInteger } from '../check.js'
import { checkedTable, type MultistepTable } from './multistep-methods/table.js'

const RUNGE_KUTTA = ['rk45', 'tsit5', 'bs23', 'rk4', 'heun', 'euler'] as const
export type RungeKuttaName = (typeof RUNGE_KUTTA)[number]

const MULTISTEP = ['dpm2m', 'dpm3m', 'unipc', 'ipndm', 'deis'] as const
export type MultistepName = (typeof MULTISTEP)[number]

export const SOLVERS = [...RUNGE_KUTTA, ...MULTISTEP, 'adaptive-unipc'] as const
export type SolverName = (typeof SOLVERS)[number]

export const SCHEDULES = ['uniform', 'karras', 'searched'] as const
export type ScheduleName = (typeof SCHEDULES)[number]

export const CONTROLLERS = ['i', 'pi', 'pid', 'constant'] as const
export type ControllerName = (typeof CONTROLLERS)[number]

/** A method and its steps, as `sample()` takes them. */
export interface SolverSettings {
  /**
   * Runge-Kutta methods whose steps follow their error: `rk45` (Dormand-Prince), `tsit5` (Tsitouras), `bs23`
   * (Bogacki-Shampine); along given heights: `rk4`, `heun`, `euler`. Multistep methods, one evaluation a step along given
   * heights: `dpm2m`, `dpm3m` (DPM-Solver++), `unipc`, `ipndm`, `deis`; along each sample's own: `adaptive-unipc`.
   * Default rk45.
   */
  solver?: SolverName
  /**
   * Relative tolerance, 1e-13 to 1, where steps follow their error: relative to the state, in `adaptive-unipc` to its
   * distance from the denoised image, both as a root mean square. Default 1e-4, adaptive-unipc 0.005.
   */
  rtol?: number
  /** Absolute tolerance, 1e-13 to 1e6, where steps follow their error. Default 1e-4, adaptive-unipc 0.0025. */
  atol?: number
  /** Steps along given heights, 1 to 100,000. Default 100. */
  steps?: number
  /**
   * Where the given heights lie: `uniform` in ln z; `karras`, in z^(1/rho) (arXiv 2206.00364, equation 5); or
   * `searched` for this model, method and number of steps (`searchSchedule`). Default karras for multistep methods, else
   * uniform.
   */
  schedule?: ScheduleName
  /** Of the Karras schedule, 0.1 to 100: larger is denser near the data. Default 7. */
  rho?: number
  /**
   * Of ipndm and deis 1 to 4, of the prediction of unipc and adaptive-unipc 1 to 3. Default 3, of unipc 2.
   */
  order?: number
  /**
   * What sets the steps: `i`, `pi` or `pid` control of the error of a method that has an estimate, or `constant`, steps
   * along given heights. Default `i` where there is an estimate.
   */
  controller?: ControllerName
  /**
   * A multistep solver as a table, in place of all the settings above: one from `multistepTable`, or a learned one. Its
   * heights begin where the path does, at z_max unless `from` says otherwise, and end at the model's z_min.
   */
  solverTable?: MultistepTable
}

/** What each may be. Which go together, `solverOptions` says. */
export const SOLVER_FIELDS: Fields<SolverSettings> = {
  solver: oneOf(SOLVERS),
  rtol: number(1e-13, 1),
  atol: number(1e-13, 1e6),
  steps: integer(1, 100_000),
  schedule: oneOf(SCHEDULES),
  rho: number(0.1, 100),
  order: integer(1, 4),
  controller: oneOf(CONTROLLERS),
  solverTable: z.unknown(),
}

type Optional = 'schedule' | 'controller' | 'solverTable'

/** The same with its defaults filled in. */
export type SolverOptions = Required<Omit<SolverSettings, Optional>> & Pick<SolverSettings, Optional>

/** All settings, by name. */
export const SETTINGS = [
  'solver',
  'rtol',
  'atol',
  'steps',
  'schedule',
  'rho',
  'order',
  'controller',
  'solverTable',
] as const satisfies (keyof SolverSettings)[]

/**
 * Settings that were parsed, with their defaults.
 * @throws RangeError where they do not go together
 */
export function solverOptions(settings: SolverSettings): SolverOptions {
  const { solver = 'rk45', steps = 100, rho = 7, schedule, controller, solverTable } = settings
  const adaptive = solver === 'adaptive-unipc'
  const { rtol = adaptive ? 0.005 : 1e-4, atol = adaptive ? 0.0025 : 1e-4 } = settings
  const { order = solver === 'unipc' ? 2 : 3 } = settings
  expectInteger('order', order, 1, solver === 'unipc' || adaptive ? 3 : 4)
  if (solverTable !== undefined) {
    const other = SETTINGS.find((name) => name !== 'solverTable' && settings[name] !== undefined)
    if (other !== undefined) {
      throw new RangeError(
        `Expected ${other} to be left to solverTable, which sets it, but received ${describe(settings[other])}`,
      )
    }
  }
  return {
    solver,
    rtol,
    atol,
    steps,
    rho,
    order,
    ...(schedule === undefined ? {} : { schedule }),
    ...(controller === undefined ? {} : { controller }),
    ...(solverTable === undefined ? {} : { solverTable: checkedTable(solverTable, 'solverTable') }),
  }
}
