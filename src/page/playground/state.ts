import type { Query } from '../shell/address.js'
import { kindOf, SOLVER_KINDS, toleranceQuery, USUAL_SOLVER, USUAL_STEPS } from './solvers.js'

/** What is shown: all of it stands in the address, so that a link shows the same. */
export interface State {
  /** None: the first that is served. */
  readonly model: string | undefined
  readonly seed: number
  /** A class by its number; none: any. */
  readonly label: number | undefined
  readonly guidance: number
  readonly solver: string
  /** None: as the service takes it. */
  readonly tolerance: number | undefined
  readonly steps: number
  readonly temperature: number
  /** The seed up to which pictures in between are shown. */
  readonly to: number | undefined
  /** Which of the pictures in between, 0 to 1. */
  readonly at: number
  /** Whether errors are measured: 1, or 0. */
  readonly errors: number
}

export const USUAL: State = {
  model: undefined,
  seed: 0,
  label: undefined,
  guidance: 1,
  solver: USUAL_SOLVER,
  tolerance: undefined,
  steps: USUAL_STEPS,
  temperature: 1,
  to: undefined,
  at: 0.5,
  errors: 0,
}

/** What each number may be. */
const RANGES = {
  seed: [0, Number.MAX_SAFE_INTEGER],
  label: [0, 1e5],
  guidance: [-100, 100],
  tolerance: [1e-6, 1],
  steps: [1, 1000],
  temperature: [0.01, 100],
  to: [0, Number.MAX_SAFE_INTEGER],
  at: [0, 1],
  errors: [0, 1],
} as const
const WHOLE = ['seed', 'label', 'steps', 'to', 'errors']

/** The state that an address's hash holds; what is no setting, or out of its range, is as usual. */
export function stateOf(hash: string): State {
  const given = new URLSearchParams(hash.replace(/^#/, ''))
  const numbers = Object.entries(RANGES).flatMap(([name, [least, most]]) => {
    const text = given.get(name)
    const value = text === null || text === '' ? Number.NaN : Number(text)
    const fits = value >= least && value <= most && (!WHOLE.includes(name) || Number.isInteger(value))
    return fits ? [[name, value]] : []
  })
  const solver = given.get('solver') ?? ''
  return {
    ...USUAL,
    ...(Object.fromEntries(numbers) as Partial<State>),
    ...(Object.hasOwn(SOLVER_KINDS, solver) && { solver }),
    ...(given.get('model') && { model: given.get('model')! }),
  }
}

/** What of a state is not as usual. */
export function hashOf(state: State): string {
  const given = Object.entries(state).filter(
    ([name, value]) => value !== undefined && value !== USUAL[name as keyof State],
  )
  return new URLSearchParams(
    Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
  ).toString()
}

/** How a sample is drawn, as the service is asked; of a model, its seed is left to whoever asks. */
export function drawingQuery({ label, guidance, solver, tolerance, steps, temperature }: State): Query {
  const { by } = kindOf(solver)
  return {
    label,
    guidance: label === undefined || guidance === USUAL.guidance ? undefined : guidance,
    solver: solver === USUAL_SOLVER ? undefined : solver,
    ...(by === 'steps' ? { steps } : tolerance !== undefined && toleranceQuery(solver, tolerance)),
    temperature: temperature === USUAL.temperature ? undefined : temperature,
  }
}
