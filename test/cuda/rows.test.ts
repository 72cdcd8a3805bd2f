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

describe(`the GPU's rows on ${DEVICE}`, () => {
  it('start where the prior of the CPU does', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.array(seeds, { minLength: 1, maxLength: 9 }), async (n, keys) => {
        const given = BigUint64Array.from(keys)
        const ours = await values<'float64'>(await native().cudaPrior(given, n, 40, 3000, DEVICE))
        const theirs = await values<'float64'>(await native().pfgmPrior(given, n, 40, 3000))
        expect(maxRelativeRowError(ours, theirs, n)).toBeLessThan(1e-12)
      }),
      { numRuns: 40 },
    )
  })

  it('perturb as a batch of the CPU does', async () => {
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

  it('combine stages and measure errors by the formula', async () => {
    const coefficients = fc.array(fc.constantFrom(0, 0.2, -1.5, 3), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(
        fc.record({ n: sizes, rows: fc.integer({ min: 1, max: 9 }), y: coefficients, next: coefficients }),
        async ({ n, rows, y, next }) => {
          const random = noise(n * rows)
          const draw = () => Float64Array.from({ length: rows * n }, random)
          const [x, ...k] = [draw(), draw(), draw(), draw()]
          const steps = Float64Array.from({ length: rows }, random)
          const combined = (of: number[], at: number) =>
            x![at]! + of.reduce((sum, w, j) => sum + steps[Math.floor(at / n)]! * w * k[j]![at]!, 0)
          using state = await onDevice(x!, [rows, n])
          const drifts = await Promise.all(k.map((each) => onDevice(each, [rows, n])))
          const handles = drifts.map((each) => each.handle)

          const stage = { ofX: 1, ofK: y }
          const got = await values<'float64'>(await native().cudaCombine(state.handle, handles, stage, steps))
          const expected = x!.map((_, at) => combined(y, at))
          expect(maxRelativeRowError(got, expected, n)).toBeLessThan(1e-13)

          const [atol, rtol] = [1e-3, 1e-2]
          const sums = await values<'float64'>(
            await native().cudaNorms(state.handle, handles, stage, steps, { ofX: 1, ofK: next }, atol, rtol),
          )
          const norms = steps.map((_, row) => {
            let sum = 0
            for (let at = row * n; at < (row + 1) * n; at++) {
              const size = Math.max(Math.abs(x![at]!), Math.abs(combined(next, at)))
              sum += (combined(y, at) / (atol + rtol * size)) ** 2
            }
            return sum
          })
          expect(maxRelativeRowError(sums, norms, 1)).toBeLessThan(1e-12)
          for (const drift of drifts) drift.dispose()
        },
      ),
      { numRuns: 40 },
    )
  })

  it('refuse drifts of another shape, and more coefficients than drifts', async () => {
    using x = await onDevice(new Float64Array(6), [3, 2])
    using k = await onDevice(new Float64Array(6), [2, 3])
    const steps = new Float64Array(3)
    const call = (drifts: Tensor[], ofK: number[]) =>
      native().cudaCombine(
        x.handle,
        drifts.map((each) => each.handle),
        { ofX: 1, ofK },
        steps,
      )
    await expect(call([k], [1])).rejects.toThrow('float64 of one shape')
    await expect(call([x], [1, 1])).rejects.toThrow('at most 1 coefficients')
  })
})
