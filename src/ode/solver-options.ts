import { z } from 'zod'
import { type Fields, integer, number, oneOf } from '../arguments/schema.js'
import { describe, expectInteger } from '../check.js'
import { checkedTable, type MultistepTable } from './multistep-methods/table.js'

const RUNGE_KUTTA = ['rk45', 'tsit5', 'bs23', 'rk4', 'heun', 'euler'] as const
export type RungeKuttaName = (typeof RUNGE_KUTTA)[number]

const MULTISTEP = ['dpm2m', 'dpm3m', 'unipc', 'ipndm', 'deis'] as const
const NOISY_MULTISTEP = ['sde-dpm2m'] as const
export type MultistepName = (typeof MULTISTEP | typeof NOISY_MULTISTEP)[number]

const PREDICTORS = ['euler-maruyama', 'reverse-diffusion', 'reverse-diffusion-flow', 'ancestral'] as const
export type PredictorName = (typeof PREDICTORS)[number]

const NORMS = ['sample', 'batch'] as const

/** Langevin dynamics that solvers of an SDE take before each step. */
export const CORRECTORS = ['langevin', 'annealed-langevin'] as const
/** One of `CORRECTORS`. */
export type CorrectorName = (typeof CORRECTORS)[number]

/** Those that follow the flow's ordinary differential equation, and so come to the same samples. */
export const ODE_SOLVERS = [...RUNGE_KUTTA, ...MULTISTEP, 'adaptive-unipc'] as const

/** All solvers, by name; `SolverSettings` says what they are. */
export const SOLVERS = [...ODE_SOLVERS, ...NOISY_MULTISTEP, ...PREDICTORS] as const
/** One of `SOLVERS`. */
export type SolverName = (typeof SOLVERS)[number]

/** What given heights may follow. */
export const SCHEDULES = ['uniform', 'karras', 'searched'] as const
/** One of `SCHEDULES`. */
export type ScheduleName = (typeof SCHEDULES)[number]

/** What sets the steps of a Runge-Kutta method. */
export const CONTROLLERS = ['i', 'pi', 'pid', 'constant'] as const
/** One of `CONTROLLERS`. */
export type ControllerName = (typeof CONTROLLERS)[number]

/** A method and its steps, as `sample()` takes them. */
export interface SolverSettings {
  /**
   * Runge-Kutta methods whose steps follow their error: `rk45` (Dormand-Prince), `tsit5` (Tsitouras), `bs23`
   * (Bogacki-Shampine); along given heights: `rk4`, `heun`, `euler`. Multistep methods, one evaluation a step along given
   * heights: `dpm2m`, `dpm3m` (DPM-Solver++), `unipc`, `ipndm`, `deis`; along each sample's own: `adaptive-unipc`.
   * With noise, for flows whose noise is Gaussian: `sde-dpm2m` (SDE-DPM-Solver++); back along the SDE of ve, vp and subvp
   * at even times: `euler-maruyama`, `reverse-diffusion` (`reverse-diffusion-flow`: without its noise), `ancestral`.
   * Default adaptive-unipc; unipc where heights are given, by `steps`, `schedule` or `rho`; rk45 where what only that has is
   * asked for: a `controller`, or of `sample` what is as published.
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
   * Before each step of a solver of an SDE: `langevin` or `annealed-langevin` dynamics at its time (arXiv 2011.13456,
   * algorithms 4 and 5). Default none.
   */
  corrector?: CorrectorName
  /** Steps of the corrector before each step, 1 to 100. Default 1. */
  correctorSteps?: number
  /** Signal-to-noise ratio of the corrector, 1e-6 to 100. Default 0.16. */
  snr?: number
  /**
   * Whose norms of score and noise set the size of a langevin step: each `sample`'s own, or the mean of the `batch`, as
   * published, with which samples depend on each other. Default sample.
   */
  norms?: 'sample' | 'batch'
  /**
   * Of euler, heun and rk4 along given heights: noise that is added before the steps (S_churn of arXiv 2206.00364,
   * algorithm 2), 0 to 1e6. Default 0.
   */
  churn?: number
  /** S_min, from 0 on: noise is added at heights from here to `churnMax`. Default 0. */
  churnMin?: number
  /** S_max. Default: no bound. */
  churnMax?: number
  /** S_noise: its deviation, in units of what the heights ask for, 0 to 10. Default 1. */
  churnNoise?: number
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
  corrector: oneOf(CORRECTORS),
  correctorSteps: integer(1, 100),
  snr: number(1e-6, 100),
  norms: oneOf(NORMS),
  churn: number(0, 1e6),
  churnMin: number(0, Number.MAX_VALUE),
  churnMax: number(0, Number.MAX_VALUE),
  churnNoise: number(0, 10),
  solverTable: z.unknown(),
}

type Optional = 'schedule' | 'controller' | 'corrector' | 'solverTable'

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
  'corrector',
  'correctorSteps',
  'snr',
  'norms',
  'churn',
  'churnMin',
  'churnMax',
  'churnNoise',
  'solverTable',
] as const satisfies (keyof SolverSettings)[]

/**
 * Settings that were parsed, with their defaults.
 * @throws RangeError where they do not go together
 */
export function solverOptions(settings: SolverSettings): SolverOptions {
  const {
    solver = defaultSolver(settings),
    steps = 100,
    rho = RHO,
    schedule,
    controller,
    corrector,
    solverTable,
  } = settings
  const ofNoise: OfNoise = { ...OF_NOISE, ...given(settings, OF_NOISE) }
  const adaptive = solver === 'adaptive-unipc'
  const { rtol = adaptive ? 0.005 : 1e-4, atol = adaptive ? 0.0025 : 1e-4 } = settings
  const { order = solver === 'unipc' ? 2 : 3 } = settings
  expectInteger('order', order, 1, solver === 'unipc' || adaptive ? 3 : 4)
  expectMeant(settings, solver)
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
    ...ofNoise,
    ...(corrector === undefined ? {} : { corrector }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(controller === undefined ? {} : { controller }),
    ...(solverTable === undefined ? {} : { solverTable: checkedTable(solverTable, 'solverTable') }),
  }
}

/** What steps with noise take where it is not given. */
const OF_NOISE = {
  correctorSteps: 1,
  snr: 0.16,
  norms: 'sample',
  churn: 0,
  churnMin: 0,
  churnMax: Number.MAX_VALUE,
  churnNoise: 1,
} as const
const RHO = 7

type OfNoise = Required<Pick<SolverSettings, keyof typeof OF_NOISE>>

/** Of the settings named in a table those that are not `undefined`. */
function given<T extends object>(settings: SolverSettings, table: T): Partial<OfNoise> {
  return Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => name in table && value !== undefined),
  )
}

/** The solver of settings that name none, whatever the flow. */
function defaultSolver({ controller, steps, schedule, rho }: SolverSettings): SolverName {
  if (controller !== undefined) return 'rk45'
  return (steps ?? schedule ?? rho) === undefined ? 'adaptive-unipc' : 'unipc'
}

/** Runge-Kutta methods that estimate their error. */
const WITH_ESTIMATE: readonly SolverName[] = ['rk45', 'tsit5', 'bs23']
const WITH_ORDER: readonly SolverName[] = ['unipc', 'adaptive-unipc', 'ipndm', 'deis']

/** Settings that mean something to some solvers only, and what those are. */
const MEANT_FOR: readonly {
  readonly settings: readonly (keyof SolverSettings)[]
  readonly by: (solver: SolverName, controller: ControllerName | undefined) => boolean
  readonly solvers: string
}[] = [
  {
    settings: ['corrector', 'correctorSteps', 'snr', 'norms'],
    by: isPredictor,
    solvers: PREDICTORS.join(', '),
  },
  { settings: ['controller'], by: (solver) => !isPredictor(solver), solvers: 'others' },
  {
    settings: ['rtol', 'atol'],
    by: followsError,
    solvers: `${WITH_ESTIMATE.join(', ')} unless their controller is constant, and adaptive-unipc`,
  },
  {
    settings: ['steps'],
    by: (solver, controller) => !followsError(solver, controller),
    solvers: `steps along given heights: ${MULTISTEP.join(', ')}, heun, euler, rk4, solvers with noise, controller constant`,
  },
  {
    settings: ['schedule', 'rho'],
    by: (solver, controller) => !followsError(solver, controller) && !isPredictor(solver),
    solvers: `steps along given heights: ${MULTISTEP.join(', ')}, heun, euler, rk4, controller constant`,
  },
  {
    settings: ['order'],
    by: hasOrder,
    solvers: WITH_ORDER.join(', '),
  },
  {
    settings: ['churn', 'churnMin', 'churnMax', 'churnNoise'],
    by: (solver) => ['rk4', 'heun', 'euler'].includes(solver),
    solvers: 'rk4, heun, euler',
  },
]

function expectMeant(settings: SolverSettings, solver: SolverName): void {
  // Defaults that were filled in ask for nothing.
  const usual: SolverSettings = { ...OF_NOISE, rho: RHO }
  const asked = (names: readonly (keyof SolverSettings)[]) =>
    names.find((name) => settings[name] !== undefined && settings[name] !== usual[name])
  for (const { settings: names, by, solvers } of MEANT_FOR) {
    const name = by(solver, settings.controller) ? undefined : asked(names)
    if (name === undefined) continue
    throw new RangeError(
      `Expected no ${name} for the solver ${solver} (it is for ${solvers}) but received ${describe(settings[name])}`,
    )
  }
  for (const [needed, names] of [
    ['corrector', ['correctorSteps', 'snr', 'norms']],
    ['churn', ['churnMin', 'churnMax', 'churnNoise']],
  ] as const) {
    const name = settings[needed] ? undefined : asked(names)
    if (name === undefined) continue
    throw new RangeError(`Expected ${needed} beside ${name} but received ${describe(settings[needed])}`)
  }
}

/** Whether a solver is of an order that is chosen. */
export function hasOrder(solver: SolverName): boolean {
  return WITH_ORDER.includes(solver)
}

/** Whether steps are chosen by their error. */
function followsError(solver: SolverName, controller: ControllerName | undefined): boolean {
  return solver === 'adaptive-unipc' || (WITH_ESTIMATE.includes(solver) && controller !== 'constant')
}

export function isPredictor(solver: SolverName): solver is PredictorName {
  return (PREDICTORS as readonly string[]).includes(solver)
}
