import { expect, it } from 'vitest'
import type { FlowHandle } from '../../src/native/addon.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor.js'
import { maxAbsoluteError } from '../golden.js'
import { publishedFlow } from '../published-flow.js'

const ITEM = 192

/** The drifts of a flow per unit of ln z, one a row. */
async function drifts(flow: FlowHandle, states: Tensor, heights: number[]): Promise<Float64Array> {
  const pool = await native().createTrajectories(states.handle, 1, false, 'cpu')
  const ones = new Float64Array(heights.length).fill(1)
  const y = { ofX: 1, ofK: [] }
  const evaluation = { pool, slot: 0, y, steps: ones, heights: Float64Array.from(heights), first: 0 }
  await native().evaluateDrifts(flow, [{ ...evaluation, view: 'logHeight' }])
  const moved = new Uint8Array(heights.length).fill(1)
  await native().advanceTrajectories(pool, { ofX: 0, ofK: [1] }, ones, moved, -1)
  using state = new Tensor<'float64'>(await native().trajectoryState(pool))
  native().dispose(pool)
  return state.data()
}

it('the differentiated drift is the one that samples follow, near the data and far from it', async () => {
  using model = await publishedFlow()
  const { gamma, zExp, upperNorm } = model.config.flow
  const heights = [0.001, 1, 4.9, 5, 20]
  const values = Float64Array.from({ length: heights.length * ITEM }, (_, i) => Math.sin(i) * (1 + i / 200))
  using points = await Tensor.from<'float64'>(values, [heights.length, ITEM])
  using states = new Tensor<'float64'>(await native().dataState(points.handle, 2))
  const config = { gamma, zExp, upperNorm, epsilon: 0 }
  const plain = native().createPfgmFlow(model.network.handle, config)
  const divergence = { exact: false, probes: 2, keys: new BigUint64Array(heights.length) }
  const differentiated = native().createLikelihoodFlow(
    model.network.handle,
    { ...config, normalised: false },
    divergence,
  )
  const expected = await drifts(plain, points, heights)
  const found = await drifts(differentiated, states, heights)
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (const row of heights.keys()) {
    const there = found.subarray(row * (ITEM + 2), row * (ITEM + 2) + ITEM)
    expect(maxAbsoluteError(there, expected.subarray(row * ITEM, (row + 1) * ITEM))).toBeLessThan(
      1e-5 * largest,
    )
  }
  native().dispose(plain)
  native().dispose(differentiated)
})
