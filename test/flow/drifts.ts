import type { FlowHandle } from '../../src/native/addon.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** The drifts of a flow per unit of ln z, one a row; or those by the formula of the other side of its jump. */
export async function drifts(
  flow: FlowHandle,
  states: Tensor,
  heights: number[],
  side: 'own' | 'other' = 'own',
  labels?: Int32Array,
): Promise<Float64Array> {
  const ones = new Float64Array(heights.length).fill(1)
  const keys = new BigUint64Array(heights.length)
  const pool = await native().createTrajectories(states.handle, { keys, labels }, 2, false, undefined, 'cpu')
  const y = { ofX: 1, ofK: [] }
  const otherSide = side === 'other' ? 1 : undefined
  const at = { pool, slot: 0, otherSide, y, steps: ones, heights: Float64Array.from(heights) }
  try {
    await native().evaluateDrifts(flow, [{ ...at, view: 'logHeight' }])
  } catch (error) {
    native().dispose(pool)
    throw error
  }
  const moved = new Uint8Array(heights.length).fill(1)
  const ofK = side === 'other' ? [0, 1] : [1]
  await native().advanceTrajectories(pool, { ofX: 0, ofK }, ones, moved, -1)
  using state = new Tensor<'float64'>(await native().trajectoryState(pool))
  native().dispose(pool)
  return state.data()
}
