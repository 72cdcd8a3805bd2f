import { describe, expect, it } from 'vitest'
import { digits } from '../../src/data/digits.js'
import { native } from '../../src/native/native.js'
import { PoissonFlow, type SampleOptions } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { maxAbsoluteError } from '../golden.js'
import { pfgmSettings } from '../pfgm-settings.js'

const ITEM = 64

async function digit(index: number, count = 1): Promise<Tensor<'uint8'>> {
  const { values } = await digits()
  const pixels = (values as Uint8Array).slice(index * ITEM, (index + count) * ITEM)
  return Tensor.from<'uint8'>(pixels, [count, 1, 8, 8])
}

async function slerp(a: number[], b: number[], fractions: number[]): Promise<Float64Array> {
  using ends = await Tensor.from<'float64'>(Float64Array.from([...a, ...b]), [2, a.length])
  using points = new Tensor<'float64'>(await native().slerp(ends.handle, fractions))
  return points.data()
}

describe('slerp', () => {
  it('turns evenly and changes the norm evenly', async () => {
    const points = await slerp([2, 0], [0, 4], [0, 1 / 3, 1])
    const angle = Math.PI / 6
    const expected = [2, 0, (8 / 3) * Math.cos(angle), (8 / 3) * Math.sin(angle), 0, 4]
    expect(maxAbsoluteError(points, expected)).toBeLessThan(1e-12)
  })

  it('goes straight between points of one direction, and refuses opposite ones', async () => {
    expect(maxAbsoluteError(await slerp([1, 1], [3, 3], [0.5]), [2, 2])).toBeLessThan(1e-12)
    await expect(slerp([1, 0], [-1, 0], [0.5])).rejects.toThrow('directions are not opposite')
    await expect(slerp([0, 0], [1, 0], [0.5])).rejects.toThrow('directions are not opposite')
  })
})

describe('interpolate()', () => {
  it('begins and ends at the two images, and passes other ones', { timeout: 120_000 }, async () => {
    using flow = await PoissonFlow.load('digits')
    using a = await digit(0)
    using b = await digit(1)
    const { images } = await flow.interpolate(a, b, { steps: 3, rtol: 1e-5, atol: 1e-5 })
    using path = images
    const values = (await path.data()).map((value) => ((value + 1) / 2) * 255)
    const [from, to] = [await a.data(), await b.data()]
    expect(maxAbsoluteError(values.subarray(0, ITEM), from)).toBeLessThan(0.5)
    expect(maxAbsoluteError(values.subarray(2 * ITEM), to)).toBeLessThan(0.5)
    const middle = values.subarray(ITEM, 2 * ITEM)
    expect(maxAbsoluteError(middle, from)).toBeGreaterThan(50)
    expect(maxAbsoluteError(middle, to)).toBeGreaterThan(50)
  })

  it('takes one image at each end', async () => {
    using flow = await PoissonFlow.load('digits')
    using one = await digit(0)
    using two = await digit(0, 2)
    await expect(flow.interpolate(one, two)).rejects.toThrow(
      'Expected b to be one image, [1, 1, 8, 8], but received [2',
    )
    await expect(flow.interpolate(one, one, { steps: 1 })).rejects.toThrow(
      'Expected steps to be an integer from 2',
    )
  })
})

/** Mean |difference| of samples to their images, in grey levels of 255. */
async function distances(flow: PoissonFlow, images: Tensor<'uint8'>, z: number): Promise<number> {
  const { images: drawn } = await flow.sample({ from: { z, images }, solver: 'heun', steps: 12 })
  using samples = drawn
  const [values, pixels] = [await samples.data(), await images.data()]
  const error = values.reduce((sum, value, i) => sum + Math.abs((value + 1) * 127.5 - pixels[i]!), 0)
  return error / pixels.length
}

describe('where sampling starts', () => {
  it('from a lower height more of the image stays', async () => {
    using flow = await PoissonFlow.load('digits')
    using images = await digit(0, 8)
    const [low, middle, high] = [
      await distances(flow, images, 0.05),
      await distances(flow, images, 1),
      await distances(flow, images, pfgmSettings(flow).zMax),
    ]
    expect(low!).toBeLessThan(10)
    expect(middle!).toBeGreaterThan(low!)
    expect(high!).toBeGreaterThan(middle!)
  })

  it('the kernel moves an image by the norm of the prior at that height, in its own direction', async () => {
    const count = 2000
    using images = await Tensor.from<'float32'>(new Float32Array(count * 3).fill(0.5), [count, 3])
    const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(i))
    using points = new Tensor<'float64'>(await native().perturbTo(images.handle, keys, 2, 1e9))
    const values = (await points.data()).map((value) => value - 0.5)
    const radii = Array.from(keys, (_, i) => Math.hypot(...values.subarray(3 * i, 3 * i + 3)))
    // |x|^2 / z^2 ~ BetaPrime(3/2, 1/2): P(|x| < z) = I_{1/2}(3/2, 1/2) = 1/2 - 1/pi.
    const within = radii.filter((radius) => radius < 2).length / count
    expect(Math.abs(within - (0.5 - 1 / Math.PI))).toBeLessThan(4 * Math.sqrt((0.18 * 0.82) / count))
    const mean = [0, 1, 2].map(
      (axis) => radii.reduce((sum, r, i) => sum + values[3 * i + axis]! / r, 0) / count,
    )
    expect(Math.hypot(...mean)).toBeLessThan(0.08)
  })

  it('temperature scales the starts of the same seeds', async () => {
    using flow = await PoissonFlow.load('digits')
    const options = { count: 2, seed: 3, solver: 'euler', steps: 10 } as const
    const draw = async (more: SampleOptions) => {
      const { images } = await flow.sample({ ...options, ...more })
      using drawn = images
      return drawn.data()
    }
    const plain = await draw({})
    expect(await draw({ temperature: 1 })).toEqual(plain)
    const { zMax, upperNorm } = pfgmSettings(flow)
    const keys = BigUint64Array.of(3n, 4n)
    using start = new Tensor<'float64'>(await native().pfgmPrior(keys, ITEM, zMax, upperNorm))
    const halves = (await start.data()).map((value) => value / 2)
    using half = await Tensor.from<'float64'>(halves, [2, 1, 8, 8])
    expect(maxAbsoluteError(await draw({ temperature: 0.5 }), await draw({ start: half }))).toBeLessThan(1e-4)
  })

  it('refuses heights outside the range, other counts and two kinds of starts', async () => {
    using flow = await PoissonFlow.load('digits')
    using images = await digit(0, 2)
    await expect(flow.sample({ from: { z: 1000, images } })).rejects.toThrow(
      'Expected from.z to be a number from',
    )
    await expect(flow.sample({ from: { z: 0.001, images } })).rejects.toThrow(
      'Expected from.z to be above z_min',
    )
    await expect(flow.sample({ count: 3, from: { z: 1, images } })).rejects.toThrow(
      'Expected count to be the number of images in from, 2, but received 3',
    )
    await expect(flow.sample({ temperature: 2, from: { z: 1, images } })).rejects.toThrow(
      'Expected one of start, from and temperature but received from and temperature',
    )
    await expect(flow.sample({ temperature: 0 })).rejects.toThrow(
      'Expected temperature to be a number from 0.01',
    )
  })
})
