import { address, type Query } from '../shell/address.js'
import { ask } from '../shell/service.js'
import type { Facts, Model } from './facts.js'
import { valuesOf } from './npy.js'
import { kindOf, STEPS, TOLERANCES, toleranceQuery, usualTolerance } from './solvers.js'
import { drawingQuery, type State } from './state.js'

/** What a setting comes to. */
export interface Measured {
  readonly setting: number
  readonly evaluations: number
  /** Root mean square of the differences to the exact sample's values, which lie in about -1 to 1. */
  readonly error: number
}

/** Requests at a time: they share network calls, and other parts of the page have some to make, too. */
const AT_ONCE = 3
/** Of the path that the others are compared with. */
const EXACT = { solver: 'rk45', rtol: 1e-5, atol: 1e-5, steps: undefined }

/** The settings of a solver that are measured, from few evaluations to many; the one that is chosen is among them. */
export function settingsOf({ solver, tolerance, steps }: State, { evaluations }: Facts): number[] {
  const { by, each } = kindOf(solver)
  if (by === 'tolerance')
    return [...new Set([...TOLERANCES, tolerance ?? usualTolerance(solver)])].sort((a, b) => b - a)
  const some = STEPS.filter((step) => step * each <= Math.min(evaluations, 100) || step === steps)
  return [...new Set([...some, steps])].sort((a, b) => a - b)
}

/** What the settings of a solver come to for a sample: those known so far are shown. */
export async function measure(
  model: Model,
  state: State,
  settings: readonly number[],
  signal: AbortSignal,
  show: (measured: readonly Measured[]) => void,
): Promise<readonly Measured[]> {
  const usual = { model: model.name, seed: state.seed, ...drawingQuery(state), format: 'npy' }
  const exact = await draw({ ...usual, ...EXACT }, signal)
  const waiting = [...settings]
  let measured: readonly Measured[] = []
  const work = async () => {
    for (let setting = waiting.shift(); setting !== undefined; setting = waiting.shift()) {
      const { values, evaluations } = await draw({ ...usual, ...queryOf(state, setting) }, signal)
      const one = { setting, evaluations, error: distance(values, exact.values) }
      measured = [...measured, one].sort((a, b) => a.evaluations - b.evaluations)
      show(measured)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return measured
}

const queryOf = ({ solver }: State, setting: number): Query =>
  kindOf(solver).by === 'tolerance' ? toleranceQuery(solver, setting) : { steps: setting }

async function draw(
  query: Query,
  signal: AbortSignal,
): Promise<{ values: Float32Array; evaluations: number }> {
  const response = await ask(address('v1/samples', query), { signal })
  return {
    values: valuesOf(await response.arrayBuffer()),
    evaluations: Number(response.headers.get('x-evaluations')),
  }
}

function distance(a: Float32Array, b: Float32Array): number {
  const sum = a.reduce((total, value, i) => total + (value - b[i]!) ** 2, 0)
  return Math.sqrt(sum / a.length)
}
