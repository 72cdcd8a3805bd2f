import { PRECISIONS } from '../native/precision.js'
import { CONTROLLERS, CORRECTORS, SCHEDULES, SOLVERS } from '../ode/solver-options.js'
import { INTEGER, NUMBER, oneOf } from './kinds.js'

/** What the network's products are rounded to. */
export const PRECISION_OPTIONS = {
  precision: {
    kind: oneOf(['auto', ...PRECISIONS]),
    value: 'kind',
    help: "of the network's products: float32 or bfloat16 (default: auto, which is float32)",
  },
  bfloat16Above: {
    kind: NUMBER,
    value: 'z',
    help: 'precision bfloat16: at this height and below float32 (default: 0)',
  },
} as const

/** Of paths from the far plane down to the data: given on to the library as they are. */
export const SAMPLING_OPTIONS = {
  solver: {
    kind: oneOf([...SOLVERS, 'auto']),
    value: 'name',
    help: `${SOLVERS.join(', ')}, or auto, the best for --error or --evaluations (default: adaptive-unipc; with --steps unipc)`,
  },
  error: {
    kind: NUMBER,
    value: 'x',
    help: 'auto: mean error of pixels in [0, 1], at the fewest evaluations',
  },
  evaluations: { kind: INTEGER, value: 'n', help: 'auto: mean evaluations a sample, with the least error' },
  rtol: {
    kind: NUMBER,
    value: 'x',
    help: 'adaptive: relative tolerance (default: 1e-4, adaptive-unipc 0.005)',
  },
  atol: {
    kind: NUMBER,
    value: 'x',
    help: 'adaptive: absolute tolerance (default: 1e-4, adaptive-unipc 0.0025)',
  },
  controller: {
    kind: oneOf(CONTROLLERS),
    value: 'name',
    help: `what sets the steps, ${CONTROLLERS.join(', ')} (default: i if rk45, tsit5, bs23, else constant)`,
  },
  steps: { kind: INTEGER, value: 'n', help: 'constant: steps (default: 100)' },
  schedule: {
    kind: oneOf(SCHEDULES),
    value: 'name',
    help: 'constant: heights uniform in ln z, karras, or searched for the model (default: karras if multistep, else uniform)',
  },
  order: {
    kind: INTEGER,
    value: 'n',
    help: 'ipndm, deis, unipc, adaptive-unipc: order (default: 3, unipc 2)',
  },
  rho: { kind: NUMBER, value: 'x', help: 'karras: density near the data (default: 7)' },
  corrector: {
    kind: oneOf(CORRECTORS),
    value: 'name',
    help: `solvers of SDEs: ${CORRECTORS.join(' or ')} before each step (default: none)`,
  },
  correctorSteps: { kind: INTEGER, value: 'n', help: 'corrector: its steps before each step (default: 1)' },
  snr: { kind: NUMBER, value: 'x', help: 'corrector: signal-to-noise ratio (default: 0.16)' },
  norms: {
    kind: oneOf(['sample', 'batch']),
    value: 'whose',
    help: "langevin: each sample's norms, or the batch's mean as published (default: sample)",
  },
  churn: {
    kind: NUMBER,
    value: 'x',
    help: 'heun, euler, rk4: noise added before steps, S_churn (default: 0)',
  },
  churnMin: { kind: NUMBER, value: 'z', help: 'churn: at heights from here, S_min (default: 0)' },
  churnMax: { kind: NUMBER, value: 'z', help: 'churn: up to here, S_max (default: all)' },
  churnNoise: { kind: NUMBER, value: 'x', help: 'churn: deviation of the noise, S_noise (default: 1)' },
  batchTolerance: {
    kind: oneOf(['sample', 'joint']),
    value: 'kind',
    help: 'rk45: steps for each sample, or joint ones as published (default: sample)',
  },
  ...PRECISION_OPTIONS,
  batchSize: { kind: INTEGER, value: 'n', help: 'samples at once; bounds memory (default: 256)' },
  maxEvaluations: {
    kind: INTEGER,
    value: 'n',
    help: 'most evaluations of a sample, which then ends where it is (default: no limit)',
  },
} as const
