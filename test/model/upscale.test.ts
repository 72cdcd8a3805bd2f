import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { digits } from '../../src/data/digits.js'
import { blockMeans } from '../../src/model/upscale.js'
import { memory } from '../../src/native/device.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { tinyFlow } from '../tiny-flow.js'

const ITEM = 64
let flow: PoissonFlow

beforeAll(async () => {
  flow = await PoissonFlow.load('digits')
})
afterAll(() => flow.dispose())

/** The means of an image's blocks of 8 / side pixels, row by row. */
function meansOf(values: ArrayLike<number>, side: number): number[] {
  const factor = 8 / side
  const means = new Array<number>(side * side).fill(0)
  for (let i = 0; i < ITEM; i++) {
    const [y, x] = [Math.floor(i / 8), i % 8]
    means[Math.floor(y / factor) * side + Math.floor(x / factor)]! += values[i]! / factor ** 2
  }
  return means
}

/** A digit of 8 x 8 made smaller by means. */
async function smallDigit(side: number, place = 0): Promise<Tensor<'float32'>> {
  const { values } = await digits()
  const digit = Array.from(values.subarray(place * ITEM, (place + 1) * ITEM), (pixel) => pixel / 127.5 - 1)
  return Tensor.from<'float32'>(Float32Array.from(meansOf(digit, side)), [1, 1, side, side])
}

it.each([
  [4, { solver: 'unipc', steps: 8 }],
  [4, { solver: 'rk45' }],
  [4, {}],
  [2, { solver: 'unipc', steps: 8 }],
] as const)(
  'a picture of %i pixels a side has its pixels as block means of the larger one, with %j',
  async (side, solver) => {
    using small = await smallDigit(side)
    const handles = memory().handles
    const { images } = await flow.upscale(small, { ...solver, count: 2 })
    const values = await images.data()
    images.dispose()
    expect(memory().handles).toBe(handles)
    const wanted = await small.data()
    for (const image of [values.subarray(0, ITEM), values.subarray(ITEM)]) {
      for (const [i, mean] of meansOf(image, side).entries()) expect(mean).toBeCloseTo(wanted[i]!, 5)
      expect(Math.max(...image.map(Math.abs))).toBeLessThanOrEqual(1)
    }
    expect(values.subarray(0, ITEM)).not.toEqual(values.subarray(ITEM))
  },
)

it('a larger picture is nearer to the one that was made smaller than its blocks are', async () => {
  let [ofBlocks, ofPicture] = [0, 0]
  const { values } = await digits()
  for (let place = 0; place < 12; place++) {
    using small = await smallDigit(4, place)
    const { images } = await flow.upscale(small, { solver: 'unipc', steps: 8, count: 8 })
    const [made, means] = [await images.data(), await small.data()]
    images.dispose()
    for (let i = 0; i < ITEM; i++) {
      const wanted = values[place * ITEM + i]! / 127.5 - 1
      ofBlocks += (means[Math.floor(i / 16) * 4 + Math.floor((i % 8) / 2)]! - wanted) ** 2
      const mean = Array.from({ length: 8 }, (_, j) => made[j * ITEM + i]! / 8).reduce((a, b) => a + b)
      ofPicture += (mean - wanted) ** 2
    }
  }
  expect(ofPicture).toBeLessThan(0.8 * ofBlocks)
})

it('any samples are given the means, within the range of pixels', async () => {
  const value = fc.double({ min: -3, max: 3, noNaN: true })
  const pixel = fc.oneof(fc.constantFrom(0, 1, 254, 255), fc.integer({ min: 0, max: 255 }))
  const samples = fc.array(value, { minLength: ITEM, maxLength: ITEM })
  const pixels = fc.array(pixel, { minLength: 16, maxLength: 16 })
  await fc.assert(
    fc.asyncProperty(samples, pixels, async (sample, small) => {
      using image = await Tensor.from<'uint8'>(Uint8Array.from(small), [1, 1, 4, 4])
      const known = await blockMeans(flow, image)
      const [guided, settled] = [Float64Array.from(sample), Float32Array.from(sample)]
      known.guide(guided)
      known.settle(settled)
      const wanted = small.map((one) => one / 127.5 - 1)
      for (const [i, mean] of meansOf(guided, 4).entries()) expect(mean).toBeCloseTo(wanted[i]!, 12)
      for (const [i, mean] of meansOf(settled, 4).entries()) expect(mean).toBeCloseTo(wanted[i]!, 6)
      expect(Math.max(...settled.map(Math.abs))).toBeLessThanOrEqual(1)
      const inPixels = settled.map((one) => Math.round((one + 1) * 127.5))
      for (const [i, mean] of meansOf(inPixels, 4).entries()) {
        expect(Math.abs(mean - small[i]!)).toBeLessThanOrEqual(0.5)
      }
    }),
    { numRuns: 50 },
  )
})

it('refuses what is not smaller by a whole factor', async () => {
  const refused = async (shape: number[], message: string) => {
    using image = await Tensor.full(shape, 0, 'float32')
    await expect(flow.upscale(image)).rejects.toThrow(message)
  }
  const expected = 'Expected image to be [1, 1, 8 / f, 8 / f] for a whole number f of at least 2 but received'
  await refused([1, 1, 8, 8], `${expected} [1, 1, 8, 8]`)
  await refused([1, 1, 3, 3], `${expected} [1, 1, 3, 3]`)
  await refused([1, 1, 4, 2], `${expected} [1, 1, 4, 2]`)
  await refused([1, 1, 16, 16], `${expected} [1, 1, 16, 16]`)
  await refused([1, 0, 4], expected)
  await refused([1, 3, 4, 4], 'Expected image to be [count, 1, 4, 4] of float32')
  await refused([2, 1, 4, 4], 'Expected image to be one image, [1, 1, 4, 4],')
  using points = await tinyFlow()
  using point = await Tensor.full([1, 1], 0, 'float32')
  await expect(points.upscale(point)).rejects.toThrow(
    'Expected a model of images, [channels, height, width],',
  )
})
