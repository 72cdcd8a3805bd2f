import { describe, expect, it } from 'vitest'
import { fieldTarget } from '../../src/flow/pfgm.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { gaussiansNetwork, logDensity } from '../gaussians-flow.js'
import { maxAbsoluteError } from '../golden.js'

/** Numbers that look irregular and are the same every time. */
const wave = (count: number, size: number) =>
  Float32Array.from({ length: count }, (_, i) => size * Math.sin(1 + 7.3 * i + 0.1 * i * i))

const HEIGHTS = [1e-3, 0.02, 0.3, 1, 7, 40]

describe('the field of Gaussians', () => {
  it.each([1, 2, 5, 64])('of deviation 0 in %d dimensions is that of points', async (n) => {
    const values = wave(3 * n, 1)
    const centres = [0, 1, 2].map((k) => [...values.subarray(k * n, (k + 1) * n)])
    using network = await gaussiansNetwork({ centres, deviation: 0 })
    using sources = await Tensor.from<'float32'>(values, [3, n])
    for (const size of [0.5, 3, 300]) {
      using x = await Tensor.from<'float32'>(wave(HEIGHTS.length * n, size), [HEIGHTS.length, n])
      using z = await Tensor.from<'float32'>(Float32Array.from(HEIGHTS), [HEIGHTS.length])
      using target = await fieldTarget(sources, x, z, 5)
      const expected = await target.data()
      const field = await network.forward(x, z)
      const [fieldX, fieldZ] = [await field.x.data(), await field.z!.data()]
      const found = HEIGHTS.flatMap((_, i) => [...fieldX.subarray(i * n, (i + 1) * n), fieldZ[i]!])
      expect(maxAbsoluteError(found, expected)).toBeLessThan(2e-6 * Math.sqrt(n))
      field.x.dispose()
      field.z!.dispose()
    }
  })

  // Without charges in it, the flux through the side of a thin layer is what leaves it upward.
  it('with a width carries the density upward', async () => {
    const mixture = { centres: [[-0.4], [0.7]], deviation: 0.2 }
    using network = await gaussiansNetwork(mixture)
    const [from, to, pieces] = [-0.3, 0.5, 400]
    const mass = (z: number) => {
      const width = (to - from) / pieces
      const at = Array.from({ length: pieces }, (_, i) => from + (i + 0.5) * width)
      return at.reduce((sum, x) => sum + Math.exp(logDensity(mixture, [x], z)) * width, 0)
    }
    for (const z of [0.05, 0.4, 2]) {
      using x = await Tensor.from<'float32'>(Float32Array.of(from, to), [2, 1])
      using heights = await Tensor.from<'float32'>(Float32Array.of(z, z), [2])
      const field = await network.forward(x, heights)
      const [v, down] = [await field.x.data(), await field.z!.data()]
      const flux = (side: number) =>
        (Math.exp(logDensity(mixture, [[from, to][side]!], z)) * v[side]!) / down[side]!
      const step = 1e-3
      const change = (mass(z + step) - mass(z - step)) / (2 * step)
      expect(change).toBeCloseTo(flux(0) - flux(1), 4)
      field.x.dispose()
      field.z!.dispose()
    }
  })
})
