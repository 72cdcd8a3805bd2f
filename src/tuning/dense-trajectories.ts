import { native } from '../native/native.js'
import type { SharedFlow } from '../ode/pool/shared-flow.js'
import { IDENTITY } from '../ode/steppers/combination.js'
import { KUTTA } from '../ode/tableaus/kutta.js'
import { LOG_HEIGHT } from '../ode/variable.js'
import { Tensor } from '../tensor/tensor.js'

/** Solutions at many heights, and the flow there. */
export interface DenseTrajectories extends Disposable {
  /** From the start on, the last one at the end. */
  readonly heights: Float64Array
  /** The states at each height, `[heights, count, N]`. */
  readonly states: Tensor<'float64'>
  /** The denoised values x - z dx/dz at each height, likewise. */
  readonly denoised: Tensor<'float64'>
}

export interface DenseOptions {
  readonly signal?: AbortSignal | undefined
  /** Called with the share that is done, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined
}

/**
 * Follows starts along heights that lie close together, with one step of Kutta's method in ln z between two of them:
 * four evaluations a height.
 * @param start float64 `[count, N]`, the states at heights[0]
 */
export async function denseTrajectories(
  flow: SharedFlow,
  start: Tensor<'float64'>,
  heights: Float64Array,
  device: string,
  { signal, onProgress }: DenseOptions,
): Promise<DenseTrajectories> {
  const { a, b, c } = KUTTA
  const count = start.shape[0] ?? 0
  const rows = (value: number): Float64Array => new Float64Array(count).fill(value)
  const all = new Uint8Array(count).fill(1)
  const keys = new BigUint64Array(count)
  const pool = await native().createTrajectories(start.handle, { keys }, b.length, true, undefined, device)
  const state = async () => new Tensor<'float64'>(await native().trajectoryState(pool))
  const denoisedState = async () =>
    new Tensor<'float64'>(await native().readDenoised(pool, undefined, start.shape.slice(1)))
  const states: Tensor<'float64'>[] = []
  const denoised: Tensor<'float64'>[] = []
  const follow = async () => {
    for (const [m, height] of heights.entries()) {
      signal?.throwIfAborted()
      states.push(await state())
      const step = m + 1 < heights.length ? Math.log(heights[m + 1]! / height) : 0
      for (let i = 0; i < (step === 0 ? 1 : b.length); i++) {
        const y = i === 0 ? IDENTITY : { ofX: 1, ofK: a[i]! }
        const at = rows(height * Math.exp(c[i]! * step))
        const { view } = LOG_HEIGHT
        await flow.evaluate({ pool, slot: i, y, steps: rows(step), heights: at, view })
        if (i === 0) denoised.push(await denoisedState())
      }
      if (step !== 0) await native().advanceTrajectories(pool, { ofX: 1, ofK: b }, rows(step), all, -1)
      onProgress?.((m + 1) / heights.length)
    }
  }
  try {
    await flow.enter(follow)
    const [allStates, allDenoised] = [await stacked(states), await stacked(denoised)]
    const dispose = () => {
      for (const tensor of [allStates, allDenoised]) tensor.dispose()
    }
    return { heights, states: allStates, denoised: allDenoised, [Symbol.dispose]: dispose }
  } finally {
    for (const tensor of [...states, ...denoised]) tensor.dispose()
    native().dispose(pool)
  }
}

/** Tensors of one shape along a new first axis. */
async function stacked(tensors: readonly Tensor<'float64'>[]): Promise<Tensor<'float64'>> {
  return new Tensor<'float64'>(await native().stackTensors(tensors.map(({ handle }) => handle)))
}
