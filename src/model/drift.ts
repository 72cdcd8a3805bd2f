import { native } from '../native/native.js'
import { Tensor } from '../tensor/tensor.js'
import type { Model } from './model.js'

/**
 * dx / d(ln height) of a model's flow at places of one height, its classes left aside: float64 `[n * dimensions]`.
 * @param places `[n, ...itemShape]`
 */
export async function driftAt(
  { flow, network }: Model,
  places: Tensor<'float64'>,
  height: number,
): Promise<Float64Array> {
  const [count = 0] = places.shape
  const ones = new Float64Array(count).fill(1)
  const rows = { keys: new BigUint64Array(count) }
  using drift = flow.drift(network)
  const pool = await native().createTrajectories(places.handle, rows, 1, false, undefined, network.device)
  try {
    const at = { pool, slot: 0, steps: ones, heights: new Float64Array(count).fill(height) }
    await native().evaluateDrifts(drift.handle, [{ ...at, y: { ofX: 1, ofK: [] }, view: 'logHeight' }])
    // The state becomes what the slot keeps, as only the state can be read.
    await native().advanceTrajectories(pool, { ofX: 0, ofK: [1] }, ones, new Uint8Array(count).fill(1), -1)
    using state = new Tensor<'float64'>(await native().trajectoryState(pool))
    return await state.data()
  } finally {
    native().dispose(pool)
  }
}
