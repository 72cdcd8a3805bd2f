import { describe, expect, it } from 'vitest'
import { NETWORK_NAMES, networkFor } from '../../src/compare/networks.js'
import { fullPlan, QUICK } from '../../src/compare/plan.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'

describe.each([
  [1, 2, 2],
  [1, 8, 8],
  [3, 20, 20],
  [1, 18, 22],
  [3, 64, 64],
  [1, 128, 128],
])('the networks for pictures of [%i, %i, %i]', (...shape) => {
  it.each(NETWORK_NAMES)('%s: narrow or not, take them', async (name) => {
    for (const { narrow } of [QUICK, fullPlan(shape)]) {
      using network = await Network.create(networkFor(name, { kind: 'pfgm' }, shape, narrow))
      using images = await Tensor.from(new Float32Array(shape.reduce((a, b) => a * b)), [1, ...shape])
      using heights = await Tensor.from(Float32Array.of(1), [1])
      const { x, z } = await network.forward(images as Tensor<'float32'>, heights as Tensor<'float32'>)
      expect(x.shape).toEqual([1, ...shape])
      for (const tensor of [x, z]) tensor?.dispose()
    }
  })
})
