import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fieldTarget } from '../../src/flow/pfgm.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { maxRelativeRowError } from '../golden.js'
import { runs } from '../long.js'
import { type Case, casesOf, GAMMA, noise, oracle } from './cases.js'

const cases = casesOf({
  n: fc.oneof(fc.integer({ min: 2, max: 70 }), fc.constantFrom(192, 511, 512, 513, 3072)),
  count: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1023, 1024, 1025, 2100)),
  queries: fc.integer({ min: 1, max: 9 }),
  most: 3e6,
})

async function worstError(one: Case, pixels?: Uint8Array): Promise<number> {
  const { n, sources, x, z } = one
  const shape = [sources.length / n, n]
  using s = pixels ? await Tensor.from<'uint8'>(pixels, shape) : await Tensor.from<'float32'>(sources, shape)
  using points = await Tensor.from<'float32'>(x, [z.length, n])
  using heights = await Tensor.from<'float32'>(z, [z.length])
  using target = await fieldTarget(s, points, heights, GAMMA)
  return maxRelativeRowError(await target.data(), oracle(one), n + 1)
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
      { numRuns: runs(80, 150) },
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

/** Images of pixels, most of them as real ones are: neighbours alike, some flat, some twice, some black and white. */
const images = fc
  .record({
    n: fc.oneof(fc.integer({ min: 2, max: 200 }), fc.constantFrom(511, 512, 513, 3072)),
    count: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(511, 512, 513, 1100)),
    queries: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(31, 32, 33, 70)),
    seed: fc.integer(),
    kind: fc.constantFrom('smooth', 'flat', 'noise', 'ink', 'alike'),
    near: fc.double({ min: -8, max: 4, noNaN: true }),
    z: fc.double({ min: -10, max: 4, noNaN: true }),
  })
  .filter(({ n, count, queries }) => n * count * queries <= 1e7)
  .map(({ n, count, queries, seed, kind, near, z }) => {
    const random = noise(seed)
    const pixels = new Uint8Array(count * n)
    for (let i = 0; i < count; i++) {
      const [level, slope, phase] = [127 + 90 * random(), 60 * random(), random()]
      const twice = i > 0 && i % 7 === 0
      for (let c = 0; c < n; c++) {
        const v = {
          smooth: level + slope * Math.sin(c / 9 + 6 * phase),
          flat: level,
          noise: 127 + 127 * random(),
          ink: random() > 0.6 ? 255 : 0,
          alike: 64 + (c % 2) * 64 + (random() > 0.95 ? 1 : 0),
        }[kind]
        pixels[i * n + c] = twice ? pixels[(i - 1) * n + c]! : Math.max(0, Math.min(255, Math.round(v)))
      }
    }
    const sources = Float32Array.from(pixels, (v) => Math.fround(v / 127.5) - 1)
    // Some queries lie on their image.
    const scale = (q: number) => (q % 5 === 4 ? 0 : 10 ** near * (1 + (q % 3)))
    const x = Float32Array.from(
      { length: queries * n },
      (_, i) => sources[i % sources.length]! + scale(Math.floor(i / n)) * random(),
    )
    return { pixels, one: { n, sources, x, z: new Float32Array(queries).fill(10 ** z) } }
  })

describe.each(native().fieldKernels())('images with the %s kernel by bytes', (kernel) => {
  beforeAll(() => native().chooseFieldKernel(kernel, 'bytes'))
  afterAll(() => native().chooseFieldKernel(native().fieldKernels()[0]!, 'auto'))

  it('are within 1e-6 of float64', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(images, async ({ one, pixels }) => {
        expect(await worstError(one, pixels)).toBeLessThan(1e-6)
      }),
      { numRuns: runs(30, 60) },
    )
  })
})

it.each(['differences', 'product', 'bytes'] as const)(
  'what is no number harms only its own query, by %s',
  async (form) => {
    native().chooseFieldKernel(native().fieldKernels()[0]!, form)
    const random = noise(5)
    const n = 200
    const pixels = Uint8Array.from({ length: 600 * n }, () => 128 + 100 * random())
    const sources = Float32Array.from(pixels, (v) => Math.fround(v / 127.5) - 1)
    const x = Float32Array.from({ length: 24 * n }, (_, i) => sources[i]! + 3 * random())
    const z = new Float32Array(24).fill(2)
    const expected = oracle({ n, sources, x, z })
    x[7 * n + 3] = Number.NaN
    x[9 * n] = Number.POSITIVE_INFINITY
    x.fill(3e38, 11 * n, 12 * n)
    z[13] = Number.NaN
    using s = await Tensor.from<'uint8'>(pixels, [600, n])
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
