import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { type Case, GAMMA, noise, oracle, squaredDistance } from '../field/cases.js'
import { float32, golden, maxRelativeRowError } from '../golden.js'
import { cases, DEVICE, tensorsOf } from './cases.js'

async function run(one: Case) {
  const { sources, x, z } = await tensorsOf(one)
  const { target, exactGroups } = await native().cudaFieldTarget(sources.handle, x.handle, z.handle, GAMMA)
  using values = new Tensor<'float32'>(target)
  for (const tensor of [sources, x, z]) tensor.dispose()
  return { target: await values.data(), exactGroups }
}

/** [lower bound, error] of every pair. */
async function screen(one: Case): Promise<Float64Array> {
  const { sources, x, z } = await tensorsOf(one)
  using bounds = new Tensor<'float64'>(await native().cudaScreen(sources.handle, x.handle, z.handle))
  for (const tensor of [sources, x, z]) tensor.dispose()
  return bounds.data()
}

/** A cloud of sources, and queries of which each lies so far from one source in every coordinate, at most. */
function around(n: number, count: number, queries: number, distance: number): Case {
  const random = noise(n + count)
  const sources = Float32Array.from({ length: count * n }, random)
  const x = Float32Array.from({ length: queries * n }, (_, i) => sources[i]! + distance * random())
  return { n, sources, x, z: new Float32Array(queries).fill(distance) }
}

describe(`the GPU's tiles on ${DEVICE}`, () => {
  it('are within 1e-6 of float64 for any cloud, place and height', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        expect(maxRelativeRowError((await run(one)).target, oracle(one), one.n + 1)).toBeLessThan(1e-6)
      }),
      { numRuns: 200 },
    )
  })

  it.each(['field-2d', 'field-digits', 'field-ties'])('agree with the published code: %s', async (name) => {
    const file = golden(`${name}.safetensors`)
    const n = Number(file.metadata.N)
    const queries = file.array('queries').values
    const count = queries.length / (n + 1)
    const x = new Float32Array(count * n)
    const z = new Float32Array(count)
    for (let q = 0; q < count; q++) {
      x.set(queries.subarray(q * (n + 1), q * (n + 1) + n) as Float32Array, q * n)
      z[q] = queries[q * (n + 1) + n]!
    }
    using sources = await float32(file.array('sources'))
    const one = { n, sources: await sources.data(), x, z }
    expect(Number(file.metadata.gamma)).toBe(GAMMA)
    const error = maxRelativeRowError((await run(one)).target, file.array('target_float64').values, n + 1)
    expect(error).toBeLessThan(1e-6)
  })

  it('bound every squared distance from a product', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        const bounds = await screen(one)
        const count = one.sources.length / one.n
        for (const [q, height] of one.z.entries()) {
          const floor = Math.max(height, 1e-10) ** 2
          for (let i = 0; i < count; i++) {
            const [lower, error] = bounds.subarray((q * count + i) * 2)
            const exact = squaredDistance(one, q, i)
            expect(lower).toBeLessThanOrEqual(exact * (1 + 1e-12))
            if (lower! > floor) expect(exact).toBeLessThanOrEqual((lower! + 2 * error!) * (1 + 1e-12))
          }
        }
      }),
      { numRuns: 100 },
    )
  })

  it.runIf(DEVICE === 'cpu')('leave out sources near the data, none far away', async () => {
    const groupsOf = (one: Case) => (Math.ceil(one.z.length / 4) * (one.sources.length / one.n)) / 4
    const near = around(256, 512, 16, 0.01)
    const { exactGroups } = await run(near)
    expect(exactGroups / groupsOf(near)).toBeLessThan(0.1)
    const far = around(256, 512, 16, 100)
    expect((await run(far)).exactGroups).toBe(groupsOf(far))
  })

  it('give NaN where a number is not finite, and the others their value', async () => {
    const one = around(8, 70, 3, 0.1)
    const expected = oracle(one)
    one.x[8] = Number.NaN
    const { target } = await run(one)
    expect(target.slice(9, 18).every(Number.isNaN)).toBe(true)
    for (const q of [0, 2]) {
      const row = [q * 9, q * 9 + 9] as const
      expect(maxRelativeRowError(target.slice(...row), expected.slice(...row), 9)).toBeLessThan(1e-6)
    }
  })

  it('refuse what does not fit', async () => {
    const { sources, x, z } = await tensorsOf(around(8, 4, 2, 1))
    const call = native().cudaFieldTarget(sources.handle, x.handle, sources.handle, 5)
    await expect(call).rejects.toThrow('Expected x to have rows as long as those of sources')
    using none = await Tensor.from<'float32'>(new Float32Array(0), [0, 8], { device: DEVICE })
    await expect(native().cudaFieldTarget(none.handle, x.handle, z.handle, 5)).rejects.toThrow(
      'Expected at least one source',
    )
  })
})
