import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldTarget } from '../../src/flow/pfgm.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor.js'
import { maxRelativeRowError } from '../golden.js'

const GAMMA = 5

/** The target by the formula, one pair at a time in float64: slow and obvious. */
function oracle(sources: Float32Array, x: Float32Array, z: Float32Array, n: number): Float64Array {
  const count = sources.length / n
  const out = new Float64Array(z.length * (n + 1))
  for (const [q, given] of z.entries()) {
    const height = Math.max(given, 1e-10)
    const logs = Array.from({ length: count }, (_, i) => {
      let square = height ** 2
      for (let c = 0; c < n; c++) square += (x[q * n + c]! - sources[i * n + c]!) ** 2
      return (-(n + 1) / 2) * Math.log(square)
    })
    const largest = Math.max(...logs)
    const weights = logs.map((log) => Math.exp(log - largest))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const field = out.subarray(q * (n + 1), (q + 1) * (n + 1))
    for (let c = 0; c < n; c++) {
      for (let i = 0; i < count; i++)
        field[c]! += (weights[i]! / total) * (x[q * n + c]! - sources[i * n + c]!)
    }
    field[n] = height
    const norm = Math.sqrt(field.reduce((sum, value) => sum + value ** 2, 0))
    for (let c = 0; c <= n; c++) field[c]! *= -Math.sqrt(n) / (norm + GAMMA)
  }
  return out
}

interface Case {
  n: number
  sources: Float32Array
  x: Float32Array
  z: Float32Array
}

/** Numbers that look random but follow from a seed. */
function noise(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    state ^= state >>> 13
    return (state >>> 0) / 2 ** 31 - 1
  }
}

/** Clouds of sources, and queries near them, on them, far away, or between two of them. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    n: fc.oneof(fc.integer({ min: 2, max: 70 }), fc.constantFrom(192, 511, 512, 513, 3072)),
    count: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1023, 1024, 1025, 2100)),
    queries: fc.integer({ min: 1, max: 9 }),
    place: fc.constantFrom('near', 'on', 'far', 'between'),
    cloud: fc.constantFrom('spread', 'duplicates', 'all equal', 'far from the origin', 'flat', 'clusters'),
    height: fc.integer({ min: -10, max: 4 }),
    seed: fc.integer(),
  })
  .filter(({ n, count, queries }) => n * count * queries < 3e6)
  .map(({ n, count, queries, place, cloud, height, seed }) => {
    const random = noise(seed)
    const offset = cloud === 'far from the origin' ? 1000 : 0
    const sources = Float32Array.from({ length: count * n }, () => random() + offset)
    if (cloud === 'all equal') for (let i = 1; i < count; i++) sources.copyWithin(i * n, 0, n)
    if (cloud === 'duplicates')
      for (let i = 0; i + 1 < count; i += 2) sources.copyWithin((i + 1) * n, i * n, (i + 1) * n)
    // Images of one grey each: every product of two of them rounds the same way.
    if (cloud === 'flat') for (let i = 0; i < count; i++) sources.fill(random(), i * n, (i + 1) * n)
    if (cloud === 'clusters')
      for (let i = 3; i < count; i++)
        for (let c = 0; c < n; c++) sources[i * n + c] = sources[(i % 3) * n + c]! + 1e-3 * random()
    const x = new Float32Array(queries * n)
    for (let q = 0; q < queries; q++) {
      const [i, j] = [q % count, (q * 7 + 1) % count]
      // Near a tie, not on it: where two sources cancel exactly, float64 itself has no digits left to compare.
      const share = 0.5 + 0.002 * (1 + Math.abs(random()))
      for (let c = 0; c < n; c++) {
        const here = sources[i * n + c]!
        if (place === 'on') x[q * n + c] = here
        if (place === 'near') x[q * n + c] = here + 0.05 * random()
        if (place === 'far') x[q * n + c] = here + 300 * random()
        if (place === 'between') x[q * n + c] = here * share + sources[j * n + c]! * (1 - share)
      }
    }
    const z = Float32Array.from({ length: queries }, () => 10 ** height * (1.5 + random()))
    return { n, sources, x, z }
  })

async function worstError({ n, sources, x, z }: Case): Promise<number> {
  using s = await Tensor.from<'float32'>(sources, [sources.length / n, n])
  using points = await Tensor.from<'float32'>(x, [z.length, n])
  using heights = await Tensor.from<'float32'>(z, [z.length])
  using target = await fieldTarget(s, points, heights, GAMMA)
  return maxRelativeRowError(await target.data(), oracle(sources, x, z, n), n + 1)
}

const kernels = native()
  .fieldKernels()
  .flatMap((kernel) => [[kernel, 'differences'] as const, [kernel, 'product'] as const])

describe.each(kernels)('the %s kernel by %s', (kernel, form) => {
  beforeAll(() => native().chooseFieldKernel(kernel, form))
  afterAll(() => native().chooseFieldKernel(native().fieldKernels()[0]!, 'auto'))

  it('is within 1e-6 of float64 for any cloud, place and height', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        expect(await worstError(one)).toBeLessThan(1e-6)
      }),
      { numRuns: 150 },
    )
  })

  it('is so in 196,608 dimensions', async () => {
    const random = noise(3)
    const n = 196_608
    const sources = Float32Array.from({ length: 5 * n }, random)
    const x = Float32Array.from({ length: 2 * n }, (_, i) => sources[i]! + (i < n ? 0.01 : 2) * random())
    expect(await worstError({ n, sources, x, z: new Float32Array([0.01, 30]) })).toBeLessThan(1e-6)
  })
})

it.each(['differences', 'product'] as const)(
  'what is no number harms only its own query, by %s',
  async (form) => {
    native().chooseFieldKernel(native().fieldKernels()[0]!, form)
    const random = noise(5)
    const n = 200
    const sources = Float32Array.from({ length: 600 * n }, random)
    const x = Float32Array.from({ length: 24 * n }, (_, i) => sources[i]! + 3 * random())
    const z = new Float32Array(24).fill(2)
    const expected = oracle(sources, x, z, n)
    x[7 * n + 3] = Number.NaN
    x[9 * n] = Number.POSITIVE_INFINITY
    x.fill(3e38, 11 * n, 12 * n)
    z[13] = Number.NaN
    using s = await Tensor.from<'float32'>(sources, [600, n])
    using target = await fieldTarget(
      s,
      await Tensor.from<'float32'>(x, [24, n]),
      await Tensor.from<'float32'>(z, [24]),
      GAMMA,
    )
    const found = await target.data()
    const good = Array.from({ length: 24 }, (_, q) => q).filter((q) => ![7, 9, 11, 13].includes(q))
    const rows = (values: ArrayLike<number>) =>
      Float64Array.from(
        good.flatMap((q) => Array.from({ length: n + 1 }, (_, c) => values[q * (n + 1) + c]!)),
      )
    expect(maxRelativeRowError(rows(found), rows(expected), n + 1)).toBeLessThan(1e-6)
    native().chooseFieldKernel(native().fieldKernels()[0]!, 'auto')
  },
)

it('memory beside inputs and output does not grow with the number of sources', {
  timeout: 120_000,
}, async () => {
  const n = 3072
  using x = await Tensor.from<'float32'>(new Float32Array(64 * n), [64, n])
  using z = await Tensor.from<'float32'>(new Float32Array(64).fill(1), [64])
  const growth = async (sources: Tensor<'float32'> | Tensor<'uint8'>) => {
    // The peak that the system remembers becomes the present.
    if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5')
    const before = native().memory()
    ;(await fieldTarget(sources, x, z)).dispose()
    return native().memory().peak - before.resident
  }
  using few = await Tensor.from<'uint8'>(new Uint8Array(64 * n), [64, n])
  await growth(few) // threads start, and code is read in
  // Filled in place: what JavaScript throws away would count, too.
  const fill = (bytes: Uint8Array) => {
    for (let i = 0; i < 512 * n; i++) bytes[i] = Math.imul(i, 2654435761) >>> 24
    for (let i = 512 * n; i < bytes.length; i *= 2) bytes.copyWithin(i, 0, i)
    return bytes
  }
  for (const count of [2048, 50_000]) {
    using pixels = await Tensor.from<'uint8'>(fill(new Uint8Array(count * n)), [count, n])
    expect(await growth(pixels)).toBeLessThan(16 * 2 ** 20)
  }
  for (const count of [2048, 20_000]) {
    using floats = await Tensor.from<'float32'>(new Float32Array(count * n).fill(0.5), [count, n])
    expect(await growth(floats)).toBeLessThan(16 * 2 ** 20)
  }
})
