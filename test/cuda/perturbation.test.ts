import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { noise } from '../field/cases.js'
import { maxRelativeRowError } from '../golden.js'
import { DEVICE, onDevice } from './cases.js'

async function values<D extends 'float32' | 'float64'>(info: ConstructorParameters<typeof Tensor>[0]) {
  using tensor = new Tensor<D>(info)
  return tensor.data()
}

const sizes = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(127, 128, 129, 600))
const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

describe(`the GPU's perturbation on ${DEVICE}`, () => {
  it('is that of a batch on the CPU', async () => {
    const settings = { sigma: 0.01, tau: 0.03, M: 291 }
    await fc.assert(
      fc.asyncProperty(
        fc.record({ n: sizes, rows: fc.integer({ min: 1, max: 9 }), seed: seeds, step: fc.nat() }),
        fc.boolean(),
        async ({ n, rows, seed, step }, restrictM) => {
          const item = Float32Array.from({ length: n }, noise(n))
          const y = Float32Array.from({ length: rows * n }, (_, i) => item[i % n]!)
          using ours = await onDevice(y, [rows, n])
          using data = await Tensor.from<'float32'>(y, [rows, n])
          const points = await native().cudaPerturb(ours.handle, { ...settings, seed, step, restrictM })
          const batch = { ...settings, seed, step, restrictM, batchSize: rows, smallBatchSize: rows }
          const made = await native().makeBatch(
            data.handle,
            { ...batch, wholeData: false, mirror: false, gamma: 5 },
            'cpu',
          )
          native().dispose(made.target.id)
          const [x, z] = [await values<'float32'>(points.x), await values<'float32'>(points.z)]
          expect(maxRelativeRowError(x, await values<'float32'>(made.x), n)).toBeLessThan(1e-6)
          expect(maxRelativeRowError(z, await values<'float32'>(made.z), 1)).toBeLessThan(1e-6)
        },
      ),
      { numRuns: 40 },
    )
  })
})
