import type { SolverSettings } from '../ode/solver-options.js'
import { type ComparedFlow, FLOW_NAMES, SDE_FLOWS } from './flows.js'
import type { Plan } from './plan.js'

/** A way to draw samples, at several efforts. */
export interface Sampler {
  readonly title: string
  /** What it is and what its efforts are, for readers of figures. */
  readonly rule: string
  readonly flows: readonly ComparedFlow[]
  readonly efforts: Readonly<Record<Plan['efforts'], readonly number[]>>
  readonly settings: (effort: number, flow: ComparedFlow) => SolverSettings
  /** Whether steps have noise, so that it takes fewer samples of more steps. */
  readonly noisy?: boolean
  /** Whether it follows x in t, as the SDEs were published, rather than x over its signal in noise over signal. */
  readonly inTime?: boolean
}

const EULER_STEPS = { quick: [5, 10, 20, 50], large: [5, 10, 20], full: [5, 10, 20, 50] }

export const SAMPLERS = {
  default: {
    title: 'adaptive-unipc',
    rule: "the package's default: multistep along the ODE, steps of each sample's own, by relative tolerance",
    flows: FLOW_NAMES,
    efforts: { quick: [0.021, 0.005], large: [0.021, 0.01], full: [0.042, 0.021, 0.01, 0.005] },
    settings: (rtol) => ({ solver: 'adaptive-unipc', rtol, atol: rtol / 2 }),
  },
  rk45: {
    title: 'rk45',
    rule: 'Runge-Kutta along the ODE, as published for PFGM, VE and VP, by tolerance',
    flows: FLOW_NAMES,
    efforts: { quick: [1e-2, 1e-4], large: [1e-2], full: [1e-2, 1e-4] },
    settings: (rtol) => ({ solver: 'rk45', rtol, atol: rtol }),
  },
  heun: {
    title: 'heun',
    rule: 'Heun along the ODE at Karras heights, as published for EDM and PFGM++, by steps',
    flows: FLOW_NAMES,
    efforts: { quick: [5, 17], large: [9, 17], full: [5, 9, 17, 35] },
    settings: (steps) => ({ solver: 'heun', schedule: 'karras', steps }),
  },
  euler: {
    title: 'Euler',
    rule: 'Euler along the ODE, by steps: for PFGM, VE and VP evenly spaced in ln of the height, as published for PFGM; for PFGM++ and EDM at Karras heights, as published for them',
    flows: FLOW_NAMES,
    efforts: EULER_STEPS,
    settings: (steps, flow) => ({
      solver: 'euler',
      schedule: flow === 'edm' || flow.startsWith('pfgmpp') ? 'karras' : 'uniform',
      steps,
    }),
  },
  'euler-in-time': {
    title: 'Euler in t',
    rule: 'Euler along the ODE of x in t as VE and VP were published, at even times, by steps',
    flows: SDE_FLOWS,
    efforts: EULER_STEPS,
    // Karras heights with rho 1 are even.
    settings: (steps) => ({ solver: 'euler', schedule: 'karras', rho: 1, steps }),
    inTime: true,
  },
  'euler-maruyama': {
    title: 'Euler-Maruyama',
    rule: 'back along the SDE with noise at even times, by steps',
    flows: SDE_FLOWS,
    efforts: { quick: [50, 150, 400], large: [50, 150, 400], full: [50, 150, 400, 1000] },
    settings: (steps) => ({ solver: 'euler-maruyama', steps }),
    noisy: true,
  },
  'predictor-corrector': {
    title: 'predictor-corrector',
    rule: 'reverse diffusion with one Langevin step before each of its steps (signal-to-noise ratio 0.16), two evaluations a step, by steps',
    flows: SDE_FLOWS,
    efforts: { quick: [25, 75, 200], large: [25, 75, 200], full: [25, 75, 200, 500, 1000] },
    settings: (steps) => ({ solver: 'reverse-diffusion', corrector: 'langevin', steps }),
    noisy: true,
  },
} as const satisfies Readonly<Record<string, Sampler>>

export type SamplerName = keyof typeof SAMPLERS
export const SAMPLER_NAMES = Object.keys(SAMPLERS) as readonly SamplerName[]
