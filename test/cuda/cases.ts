import fc from 'fast-check'
import { Tensor } from '../../src/tensor/tensor.js'
import { type Case, casesOf } from '../field/cases.js'

/** Where the tests run: on the CPU a GPU's code runs lane by lane. `npm run test:cuda` names a GPU. */
export const DEVICE = process.env.PFGM_TEST_DEVICE ?? 'cpu'

export const cases = casesOf({
  n: fc.oneof(fc.integer({ min: 2, max: 70 }), fc.constantFrom(2, 3, 31, 32, 33, 64, 255, 256, 257, 600)),
  count: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(63, 64, 65, 128, 257, 500)),
  queries: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17)),
  most: 6e5,
})

/** A tensor on the device under test. */
export function onDevice(values: Float32Array, shape: number[]): Promise<Tensor<'float32'>> {
  return Tensor.from(values, shape, { device: DEVICE })
}

/** A case's three tensors. */
export async function tensorsOf({ n, sources, x, z }: Case) {
  return {
    sources: await onDevice(sources, [sources.length / n, n]),
    x: await onDevice(x, [z.length, n]),
    z: await onDevice(z, [z.length]),
  }
}
