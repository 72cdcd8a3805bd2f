import { expect, it } from 'vitest'
import { createFlow } from '../../src/flow/kinds.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { maxAbsoluteError } from '../golden.js'
import { pfgmSettings } from '../pfgm-settings.js'
import { publishedFlow } from '../published-flow.js'
import { drifts } from './drifts.js'

const ITEM = 192

it('the differentiated drift is the one that samples follow, near the data and far from it', async () => {
  using model = await publishedFlow()
  const heights = [0.001, 1, 4.9, 5, 20]
  const values = Float64Array.from({ length: heights.length * ITEM }, (_, i) => Math.sin(i) * (1 + i / 200))
  using points = await Tensor.from<'float64'>(values, [heights.length, ITEM])
  using states = new Tensor<'float64'>(await native().dataState(points.handle, 2))
  using plain = model.flow.drift(model.network)
  using differentiated = plain.withDivergence({ exact: false, probes: 2 })
  const expected = await drifts(plain.handle, points, heights)
  const found = await drifts(differentiated.handle, states, heights)
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (const row of heights.keys()) {
    const there = found.subarray(row * (ITEM + 2), row * (ITEM + 2) + ITEM)
    expect(maxAbsoluteError(there, expected.subarray(row * ITEM, (row + 1) * ITEM))).toBeLessThan(
      1e-5 * largest,
    )
  }
})

it('the other side of the jump has the drift that is there once the jump is moved', async () => {
  using model = await publishedFlow()
  const { zExp } = pfgmSettings(model)
  const flowWithJumpAt = (z: number) => createFlow({ ...pfgmSettings(model), zExp: z }).drift(model.network)
  const heights = [0.5, zExp * (1 - Number.EPSILON), zExp, 1.2 * zExp, 20]
  const values = Float64Array.from({ length: heights.length * ITEM }, (_, i) => Math.sin(i) * (1 + i / 200))
  using points = await Tensor.from<'float64'>(values, [heights.length, ITEM])
  using flow = flowWithJumpAt(zExp)
  using flowOfBelow = flowWithJumpAt(1000)
  using flowOfAbove = flowWithJumpAt(zExp / 2)
  const below = await drifts(flowOfBelow.handle, points, heights)
  const above = await drifts(flowOfAbove.handle, points, heights)
  const found = await drifts(flow.handle, points, heights, 'other')
  for (const row of heights.keys()) {
    const numbers = (all: Float64Array) => [...all.subarray(row * ITEM, (row + 1) * ITEM)]
    expect(numbers(found)).toEqual(numbers(row === 1 ? above : below))
  }
})

it('a flow without another side says so', async () => {
  using model = await publishedFlow()
  using plain = model.flow.drift(model.network)
  using flow = plain.withDivergence({ exact: false, probes: 1 })
  using points = await Tensor.from<'float64'>(new Float64Array(ITEM + 1).fill(0.1), [1, ITEM + 1])
  await expect(drifts(flow.handle, points, [1], 'other')).rejects.toThrow('Expected a flow with two sides')
})

it.each([
  [1, -1, 'Expected slot to be from 0 to 1'],
  [0, 2, 'Expected slot to be from 0 to 1'],
  [1, 1, 'Expected another slot for the other side'],
])(
  'slot %i with %i for the other side is refused before anything is evaluated',
  async (slot, otherSide, message) => {
    using model = await publishedFlow()
    using flow = model.flow.drift(model.network)
    using points = await Tensor.from<'float64'>(new Float64Array(ITEM).fill(0.1), [1, ITEM])
    const key = new BigUint64Array(1)
    const pool = await native().createTrajectories(points.handle, { keys: key }, 2, false, undefined, 'cpu')
    const one = Float64Array.of(1)
    const at = { pool, slot, otherSide, y: { ofX: 1, ofK: [] }, steps: one, heights: one }
    await expect(native().evaluateDrifts(flow.handle, [{ ...at, view: 'denoised' }])).rejects.toThrow(message)
    native().dispose(pool)
  },
)
