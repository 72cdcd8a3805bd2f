import { expect, it } from 'vitest'
import type { RowCombination } from '../../src/native/addon.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'

/** Three trajectories of two numbers each, with two slots. */
async function threeTrajectories() {
  using start = await Tensor.from<'float64'>(new Float64Array([1, 2, 3, 4, 5, 6]), [3, 2])
  const keys = new BigUint64Array(3)
  return await native().createTrajectories(start.handle, { keys }, 2, false, undefined, 'cpu')
}

it("combines with each trajectory's own weights, and refuses weights that do not fit", async () => {
  const pool = await threeTrajectories()
  try {
    const [steps, moved] = [new Float64Array(3).fill(1), new Uint8Array([1, 0, 1])]
    const advance = (ofX: Float64Array | number, ofK: Float64Array) =>
      native().advanceTrajectories(pool, { ofX, ofK } as never, steps, moved, -1)
    await advance(new Float64Array([2, 3, -1]), new Float64Array(6))
    using state = new Tensor<'float64'>(await native().trajectoryState(pool))
    expect(Array.from(await state.data())).toEqual([2, 4, 3, 4, -5, -6])
    const fits = 'Expected coefficients for all trajectories at once, or for each of 3'
    await expect(advance(new Float64Array(2), new Float64Array(4))).rejects.toThrow(fits)
    await expect(advance(new Float64Array(0), new Float64Array(0))).rejects.toThrow(fits)
    await expect(advance(new Float64Array(3), new Float64Array(7))).rejects.toThrow(fits)
    await expect(advance(new Float64Array(3), new Float64Array(9))).rejects.toThrow(
      'Expected at most 2 coefficients, but received 3',
    )
    await expect(advance(1, new Float64Array(3))).rejects.toThrow('Expected at most 2 coefficients')
  } finally {
    native().dispose(pool)
  }
})

it('assigns the state and slots at once, all from what was there before', async () => {
  const pool = await threeTrajectories()
  try {
    const combination = (ofX: number, ofK: [number, number]) => ({
      ofX: new Float64Array(3).fill(ofX),
      ofK: new Float64Array([...ofK, ...ofK, ...ofK]),
    })
    const assign = (targets: number[], values: RowCombination[]) =>
      native().assignTrajectories(pool, targets, values)
    const state = async () => {
      using values = new Tensor<'float64'>(await native().trajectoryState(pool))
      return [...(await values.data())]
    }
    await assign([0, 1], [combination(10, [0, 0]), combination(100, [0, 0])])
    // x' = slot 0, slot 0' = slot 1, slot 1' = x
    const round = [combination(0, [1, 0]), combination(0, [0, 1]), combination(1, [0, 0])]
    await assign([-1, 0, 1], round)
    expect(await state()).toEqual([10, 20, 30, 40, 50, 60])
    await assign([-1, 0, 1], round)
    expect(await state()).toEqual([100, 200, 300, 400, 500, 600])
    await assign([-1, 0, 1], round)
    expect(await state()).toEqual([1, 2, 3, 4, 5, 6])
    for (const target of [-2, 2])
      await expect(assign([target], [combination(1, [0, 0])])).rejects.toThrow(
        'Expected slot to be from 0 to 1',
      )
    await expect(assign([-1], [])).rejects.toThrow('Expected a combination a target')
    expect(await state()).toEqual([1, 2, 3, 4, 5, 6])
  } finally {
    native().dispose(pool)
  }
})
