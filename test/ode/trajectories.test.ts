import { expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor.js'

it("combines with each trajectory's own weights, and refuses weights that do not fit", async () => {
  using start = await Tensor.from<'float64'>(new Float64Array([1, 2, 3, 4, 5, 6]), [3, 2])
  const pool = await native().createTrajectories(start.handle, 2, false, 'cpu')
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
