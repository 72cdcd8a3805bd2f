import { describe, expect, it } from 'vitest'
import { digits } from '../../src/data/digits.js'
import { memory } from '../../src/native/device.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { pfgmSettings } from '../pfgm-settings.js'

const ITEM = 64

async function someDigits(count: number): Promise<Tensor<'uint8'>> {
  const { values } = await digits()
  return Tensor.from<'uint8'>((values as Uint8Array).slice(0, count * ITEM), [count, 1, 8, 8])
}

describe('encode() and decode()', () => {
  const tight = { rtol: 1e-5, atol: 1e-5 }

  it('decoding an encoding gives the image back', async () => {
    using flow = await PoissonFlow.load('digits')
    using images = await someDigits(8)
    const { encodings, outside } = await flow.encode(images, tight)
    const { images: back } = await flow.decode(encodings, tight)
    const pixels = await images.data()
    const returned = await back.data()
    const inside = [...pixels.keys()].filter((i) => outside[Math.floor(i / ITEM)] === 0)
    const error = inside.reduce((sum, i) => sum + Math.abs((returned[i]! + 1) / 2 - pixels[i]! / 255), 0)
    expect(inside.length).toBeGreaterThan(6 * ITEM)
    expect(error / inside.length).toBeLessThan(1e-4)
    encodings.dispose()
    back.dispose()
  })

  it('encoding a sample finds its start', async () => {
    using flow = await PoissonFlow.load('digits')
    const start = await Tensor.from<'float64'>(
      Float64Array.from({ length: 2 * ITEM }, (_, i) => 10 * Math.sin(i + 1)),
      [2, 1, 8, 8],
    )
    const { images } = await flow.decode(start, tight)
    const { encodings } = await flow.encode(images, tight)
    const [from, found] = [await start.data(), await encodings.data()]
    const error = from.reduce((sum, value, i) => sum + (value - found[i]!) ** 2, 0)
    const size = from.reduce((sum, value) => sum + value ** 2, 0)
    expect(Math.sqrt(error / size)).toBeLessThan(1e-2)
    for (const tensor of [start, images, encodings]) tensor.dispose()
  })

  it('an encoding does not depend on its batch, nor on whether pixels come as bytes or values', async () => {
    using flow = await PoissonFlow.load('digits')
    using images = await someDigits(6)
    using values = await Tensor.from<'float64'>(
      Float64Array.from(await images.data(), (v) => v / 127.5 - 1),
      [6, 1, 8, 8],
    )
    using last = await values.slice(5, 1)
    const many = await flow.encode(images, { batchSize: 2 })
    const one = await flow.encode(last)
    expect((await many.encodings.data()).subarray(5 * ITEM)).toEqual(await one.encodings.data())
    many.encodings.dispose()
    one.encodings.dispose()
  })

  it('refuses other shapes and wrong options, and frees everything when it is stopped', async () => {
    using flow = await PoissonFlow.load('digits')
    using images = await someDigits(2)
    using flat = await Tensor.from<'float32'>(new Float32Array(128), [2, 64])
    const before = memory().handles
    await expect(flow.encode(flat)).rejects.toThrow(
      'Expected images to be [count, 1, 8, 8] of float32, float64 or uint8 but received [2, 64] of float32',
    )
    await expect(flow.encode(images, { rtol: -1 })).rejects.toThrow('Expected rtol to be a number from')
    const abort = new AbortController()
    const onProgress = () => abort.abort(new Error('enough'))
    await expect(flow.encode(images, { signal: abort.signal, onProgress })).rejects.toThrow('enough')
    expect(memory().handles).toBe(before)
  })

  it('does not decode what is no encoding of the model', async () => {
    using flow = await PoissonFlow.load('digits')
    const decode = async (values: Float64Array | Float32Array, shape: number[]) => {
      using encodings = await Tensor.from<'float64'>(values as Float64Array, shape)
      await flow.decode(encodings, { solver: 'euler', steps: 2 }).then(({ images }) => images.dispose())
    }
    const expected =
      'Expected encodings to be [count, 1, 8, 8] of float64, as encode gives them for this model,'
    await expect(decode(new Float64Array(2 * ITEM), [2, ITEM])).rejects.toThrow(
      `${expected} but received [2, 64] of float64`,
    )
    await expect(decode(new Float32Array(ITEM), [1, 1, 8, 8])).rejects.toThrow(
      `${expected} but received [1, 1, 8, 8] of float32`,
    )
    const second = (value: number) => new Float64Array(2 * ITEM).fill(value, ITEM)
    await expect(decode(second(Number.NaN), [2, 1, 8, 8])).rejects.toThrow(
      'Expected encodings[1] to be finite but received one of norm NaN',
    )
    const edge = (100 * pfgmSettings(flow).upperNorm) / Math.sqrt(ITEM)
    await decode(second(edge * 0.999), [2, 1, 8, 8])
    await expect(decode(second(edge * 1.001), [2, 1, 8, 8])).rejects.toThrow(
      /^Expected encodings\[1\] to have a norm of at most \d+, 100 times the model's upper_norm, but received \d+: was it/,
    )
  })
})
