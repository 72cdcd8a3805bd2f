import { expect, it } from 'vitest'
import type { PoissonFlow, SampleOptions } from '../../src/poisson-flow.js'
import { maxAbsoluteError } from '../golden.js'
import { publishedFlow } from '../published-flow.js'

const ITEM = 192

async function pixels(flow: PoissonFlow, options: SampleOptions): Promise<Float32Array> {
  const { images } = await flow.sample(options.solver ? options : { solver: 'dpm2m', steps: 20, ...options })
  const values = await images.data()
  images.dispose()
  return values.map((value) => (value + 1) / 2)
}

const mean = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length

it('samples in bfloat16 are those in float32 but for its rounding, with a single solver or auto', async () => {
  using flow = await publishedFlow()
  const exact = await pixels(flow, { count: 8 })
  const rounded = await pixels(flow, { count: 8, precision: 'bfloat16' })
  expect(rounded).not.toEqual(exact)
  expect(mean(rounded, exact)).toBeLessThan(0.02)
  for (const precision of ['auto', 'float32'] as const) {
    expect(await pixels(flow, { count: 8, precision })).toEqual(exact)
  }
})

it('takes bfloat16 above a height alone, which is nearer to float32 the higher it is', async () => {
  using flow = await publishedFlow()
  const exact = await pixels(flow, { count: 8 })
  const above = (bfloat16Above: number) => pixels(flow, { count: 8, precision: 'bfloat16', bfloat16Above })
  expect(await above(flow.flow.far.height)).toEqual(exact)
  const errors = [mean(await above(2), exact), mean(await above(0), exact)]
  expect(errors[0]).toBeGreaterThan(0)
  expect(errors[0]).toBeLessThan(errors[1]! / 2)
})

it('a sample has its bits whoever is beside it, also where rows of one batch are of both', async () => {
  using flow = await publishedFlow()
  const options = { precision: 'bfloat16', bfloat16Above: 2, solver: 'adaptive-unipc' } as const
  const many = await pixels(flow, { ...options, count: 9, batchSize: 4 })
  const one = await pixels(flow, { ...options, count: 1, seed: 8 })
  expect(maxAbsoluteError(many.subarray(8 * ITEM), one)).toBe(0)
})

it.each<[string, SampleOptions, string]>([
  [
    'another kind',
    { precision: 'float16' as never },
    'Expected precision to be one of auto, float32, bfloat16',
  ],
  ['a negative height', { bfloat16Above: -1 }, 'Expected bfloat16Above to be a number from 0'],
])('%s is refused', async (_, options, message) => {
  using flow = await publishedFlow()
  await expect(flow.sample(options)).rejects.toThrow(message)
})
