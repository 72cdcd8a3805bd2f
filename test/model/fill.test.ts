import { afterAll, beforeAll, expect, it } from 'vitest'
import { digits } from '../../src/data/digits.js'
import { memory } from '../../src/native/device.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { tinyFlow } from '../tiny-flow.js'

const ITEM = 64
const QUICK = { solver: 'unipc', steps: 8 } as const
let flow: PoissonFlow
let digit: Tensor<'uint8'>
let lowerHalf: Tensor<'uint8'>

beforeAll(async () => {
  flow = await PoissonFlow.load('digits')
  const { values } = await digits()
  digit = await Tensor.from<'uint8'>((values as Uint8Array).slice(0, ITEM), [1, 1, 8, 8])
  lowerHalf = await Tensor.from<'uint8'>(new Uint8Array(ITEM).fill(255, ITEM / 2), [1, 1, 8, 8])
})
afterAll(() => {
  for (const owned of [flow, digit, lowerHalf]) owned.dispose()
})

it.each([QUICK, { solver: 'rk45' }, {}] as const)(
  'keeps exactly what the mask keeps, with %j',
  async (solver) => {
    const handles = memory().handles
    const { images } = await flow.fill(digit, lowerHalf, { ...solver, count: 3 })
    const values = await images.data()
    const known = Float32Array.from(await digit.data(), (pixel) => pixel / 127.5 - 1)
    images.dispose()
    expect(memory().handles).toBe(handles)
    const rows = [0, 1, 2].map((i) => values.subarray(i * ITEM, (i + 1) * ITEM))
    for (const row of rows) expect(row.subarray(0, ITEM / 2)).toEqual(known.subarray(0, ITEM / 2))
    expect(rows[0]!.subarray(ITEM / 2)).not.toEqual(rows[1]!.subarray(ITEM / 2))
  },
)

it('what is filled in goes with what is kept, and is as of one sample alone', async () => {
  // The upper half of a digit says much of the lower: fills are nearer to it than samples are.
  const count = 24
  const distance = (values: Float32Array, wanted: Float32Array) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      for (let j = ITEM / 2; j < ITEM; j++) sum += (values[i * ITEM + j]! - wanted[j]!) ** 2
    }
    return Math.sqrt(sum / count)
  }
  const wanted = Float32Array.from(await digit.data(), (pixel) => pixel / 127.5 - 1)
  const filled = await flow.fill(digit, lowerHalf, { ...QUICK, count })
  const drawn = await flow.sample({ ...QUICK, count })
  const [fills, samples] = [await filled.images.data(), await drawn.images.data()]
  for (const { images } of [filled, drawn]) images.dispose()
  expect(distance(fills, wanted)).toBeLessThan(0.9 * distance(samples, wanted))

  const alone = await flow.fill(digit, lowerHalf, { ...QUICK, seed: 23 })
  expect(await alone.images.data()).toEqual(fills.subarray(23 * ITEM))
  alone.images.dispose()
})

it('points of the plane of which one number is known', async () => {
  using points = await tinyFlow()
  using point = await Tensor.from<'float32'>(Float32Array.of(0.25, 9), [1, 2])
  using mask = await Tensor.from<'float32'>(Float32Array.of(-1, 1), [1, 2])
  const { images } = await points.fill(point, mask, { count: 4, solver: 'heun', steps: 5 })
  const values = await images.data()
  images.dispose()
  expect([0, 2, 4, 6].map((i) => values[i])).toEqual([0.25, 0.25, 0.25, 0.25])
  expect(new Set([1, 3, 5, 7].map((i) => values[i])).size).toBe(4)
})

it('refuses what is no image and no mask of it', async () => {
  using two = await Tensor.full([2, 1, 8, 8], 0, 'float32')
  using small = await Tensor.full([1, 1, 4, 4], 0, 'float32')
  using black = await Tensor.full([1, 1, 8, 8], 0, 'uint8')
  using white = await Tensor.full([1, 1, 8, 8], 255, 'uint8')
  await expect(flow.fill(two, lowerHalf)).rejects.toThrow('Expected image to be one image, [1, 1, 8, 8],')
  await expect(flow.fill(digit, small)).rejects.toThrow('Expected mask to be [count, 1, 8, 8] of float32')
  await expect(flow.fill(digit, black)).rejects.toThrow('received one that is all black')
  await expect(flow.fill(digit, white)).rejects.toThrow('received one that is all white')
  await expect(flow.fill(digit, lowerHalf, { temperature: 2 } as never)).rejects.toThrow('"temperature"')
})
