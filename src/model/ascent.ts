import { type Fields, FUNCTION, integer, number, SIGNAL } from '../arguments/schema.js'
import type { Jump } from '../flow/flow.js'
import type { NativeRows } from '../native/addon.js'
import { Numbered } from '../ode/pool/arrivals.js'
import { integrate, type PoolOptions } from '../ode/pool/pool.js'
import type { PoolProgress } from '../ode/pool/progress.js'
import type { SharedFlow } from '../ode/pool/shared-flow.js'
import type { SampleStatistics } from '../ode/pool/statistics.js'
import type { Solver } from '../ode/solver.js'
import { createStepper } from '../ode/steppers/create-stepper.js'
import { pathBetween } from '../ode/steppers/path.js'
import { Tensor } from '../tensor/tensor.js'
import { LABEL_FIELDS, type LabelOptions } from './conditions.js'
import type { ImageTensor } from './images.js'
import type { Model } from './model.js'
import { expectFinite } from './samples.js'

/** What following the field up from data takes, whatever is made of it. */
export interface AscentOptions extends LabelOptions {
  /** Relative tolerance of rk45. Default 1e-5. */
  rtol?: number
  /** Absolute tolerance of rk45. Default 1e-5. */
  atol?: number
  /** Most samples under way at once, 1 to 65536; bounds memory. Default 256. */
  batchSize?: number
  /** Ends the work at the next step; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called after each step of the images under way. */
  onProgress?: (progress: PoolProgress) => void
}

export const ASCENT_FIELDS: Fields<AscentOptions> = {
  ...LABEL_FIELDS,
  rtol: number(1e-13, 1),
  atol: number(1e-13, 1e6),
  batchSize: integer(1, 65536),
  signal: SIGNAL,
  onProgress: FUNCTION,
}

export function ascentSettings({ rtol = 1e-5, atol = 1e-5, batchSize = 256 }: AscentOptions) {
  return { rtol, atol, batchSize }
}

/** An ODE whose states begin with data and may carry more. */
export interface Ascent {
  readonly flow: SharedFlow
  /** Where steps may not go across. */
  readonly jump: Jump | undefined
  /** The shape of one state. */
  readonly shape: readonly number[]
  readonly solver: Solver
  readonly pool: PoolOptions
  /** The states at the near end of some images, float64 rows. */
  start(images: ImageTensor, first: number): Promise<Tensor<'float64'>>
  rows(first: number, count: number): NativeRows
}

/** Integrates from a flow's near end to its far end; the states there are yours to dispose of. */
export async function ascend(
  { flow: { near, far, heightName }, network }: Model,
  images: ImageTensor,
  { flow, jump, shape, solver, pool, start, rows }: Ascent,
): Promise<{ states: Tensor<'float64'>; statistics: SampleStatistics }> {
  pool.signal?.throwIfAborted()
  const count = images.shape[0] ?? 0
  const states = await Tensor.full([count, ...shape], 0, 'float64')
  try {
    const problem = {
      flow,
      heightName,
      count,
      from: near.height,
      to: far.height,
      device: network.device,
      shape: network.itemShape,
      arrivals: new Numbered(
        count,
        async (first, added) => {
          using some: ImageTensor = await images.slice(first, added)
          return await start(some, first)
        },
        rows,
      ),
    }
    const path = pathBetween(near.height, far.height, solver.variable, { ...(jump && { jump }) })
    const statistics = await integrate(problem, path, createStepper(solver, path), states, pool)
    if (!pool.keepNotFinite) await expectFinite(states)
    return { states, statistics }
  } catch (error) {
    states.dispose()
    throw error
  }
}
