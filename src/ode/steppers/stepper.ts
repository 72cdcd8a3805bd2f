import type { Pool } from '../pool/pool.js'
import type { Solver } from '../solver.js'
import { AdaptiveMultistep } from './adaptive-multistep.js'
import { Multistep } from './multistep.js'
import { RungeKutta } from './runge-kutta.js'

/** What a step of all samples in a pool is. */
export interface Stepper {
  /** Slots that the method needs a sample. */
  readonly slots: number
  /** Most evaluations of one step. */
  readonly evaluationsPerStep: number
  /** Samples have joined, the pool's rows from `first` on. */
  begin(first: number): Promise<void>
  /** One try of one step of every sample in the pool. */
  step(): Promise<void>
}

export function createStepper(pool: Pool, solver: Solver): Stepper {
  if (solver.kind === 'rungeKutta') return new RungeKutta(pool, solver)
  return solver.kind === 'multistep' ? new Multistep(pool, solver) : new AdaptiveMultistep(pool, solver)
}
