import { expectInteger, expectNumber, product, unexpected } from '../check.js'
import { native } from '../native/native.js'
import { integrate, type PoolOptions, type PoolProgress, type SampleStatistics } from '../ode/pool/pool.js'
import type { SharedFlow } from '../ode/pool/shared-flow.js'
import type { Solver } from '../ode/solver.js'
import type { PoissonFlow } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import { expectFinite } from './samples.js'

/** Images or points: values in about [-1, 1], or uint8 pixels v, which stand for v / 127.5 - 1. */
export type ImageTensor = Tensor<'float32'> | Tensor<'float64'> | Tensor<'uint8'>

/** What following the field up from data takes, whatever is made of it. */
export interface AscentOptions {
  /** Relative tolerance of rk45. Default 1e-5. */
  rtol?: number
  /** Absolute tolerance of rk45. Default 1e-5. */
  atol?: number
  /** Most samples under way at once, 1 to 65536; bounds memory. Default 256. */
  batchSize?: number
  /** Ends the work at the next step; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  onProgress?: (progress: PoolProgress) => void
}

export function ascentSettings({ rtol = 1e-5, atol = 1e-5, batchSize = 256 }: AscentOptions) {
  expectNumber('rtol', rtol, 1e-13, 1)
  expectNumber('atol', atol, 1e-13, 1e6)
  expectInteger('batchSize', batchSize, 1, 65536)
  return { rtol, atol, batchSize }
}

/** The number of images of a tensor that must hold what a model is for. */
export function expectImages(name: string, images: ImageTensor, itemShape: readonly number[]): number {
  if (!(images instanceof Tensor)) throw new TypeError(unexpected(name, 'a tensor', images))
  const [count = 0, ...shape] = images.shape
  if (count < 1 || shape.join() !== itemShape.join() || (images.dtype as string) === 'int64') {
    const expected = `[count, ${itemShape.join(', ')}] of float32, float64 or uint8`
    throw new TypeError(
      `Expected ${name} to be ${expected} but received [${images.shape.join(', ')}] of ${images.dtype}`,
    )
  }
  return count
}

/** An ODE whose states begin with data and may carry more. */
export interface Ascent {
  readonly flow: SharedFlow
  /** The shape of one state. */
  readonly shape: readonly number[]
  readonly solver: Solver
  readonly pool: PoolOptions
  /** The states at z_min of some images, float64 rows. */
  start(images: ImageTensor, first: number): Promise<Tensor<'float64'>>
}

/** Integrates from z_min to z_max; the states there are yours to dispose of. */
export async function ascend(
  { config, network }: PoissonFlow,
  images: ImageTensor,
  { flow, shape, solver, pool, start }: Ascent,
): Promise<{ states: Tensor<'float64'>; statistics: SampleStatistics }> {
  pool.signal?.throwIfAborted()
  const count = images.shape[0] ?? 0
  const values = new Float64Array(count * product(shape))
  const states = await Tensor.from<'float64'>(values, [count, ...shape])
  try {
    const problem = {
      flow,
      count,
      from: config.flow.zMin,
      to: config.flow.zMax,
      device: network.device,
      shape: network.itemShape,
      async start(first: number, added: number) {
        using some: ImageTensor = await images.slice(first, added)
        return await start(some, first)
      },
    }
    const statistics = await integrate(problem, solver, states, pool)
    if (!pool.keepNotFinite) await expectFinite(states)
    return { states, statistics }
  } catch (error) {
    states.dispose()
    throw error
  }
}

/** Data as float64 rows with `extra` zeros at the end. */
export async function dataState(images: ImageTensor, extra = 0): Promise<Tensor<'float64'>> {
  return new Tensor<'float64'>(await native().dataState(images.handle, extra))
}
