import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createFlow, parseFlow } from '../../src/flow/kinds.js'
import { fieldTarget, PUBLISHED } from '../../src/flow/pfgm.js'
import { native } from '../../src/native/native.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { npyBytes } from '../data/npy-file.js'
import { temporaryFolders } from '../data/temporary.js'
import { maxRelativeRowError } from '../golden.js'

const FLOW = createFlow(parseFlow({ ...PUBLISHED, M: 200, zMax: 5, upperNorm: 40 }))
const newFolder = temporaryFolders()
const COUNT = 700
const SHAPE = [COUNT, 1, 8, 8]
const PIXELS = Uint8Array.from({ length: COUNT * 64 }, (_, i) => Math.imul(i + 7, 2654435761) >>> 24)
/** As training sees them, mirrored left to right or not. */
const values = (mirrored: boolean) =>
  Float32Array.from(
    PIXELS,
    (_, i) => Math.fround(PIXELS[mirrored ? i - (i % 8) + 7 - (i % 8) : i]! / 127.5) - 1,
  )

async function queries() {
  const items = values(false)
  const x = Float32Array.from({ length: 40 * 64 }, (_, i) => items[i]! + Math.cos(i * i) * (i / 800))
  return {
    x: await Tensor.from<'float32'>(x, [40, 1, 8, 8]),
    z: await Tensor.from<'float32'>(
      Float32Array.from({ length: 40 }, (_, i) => 0.01 + i / 20),
      [40],
    ),
  }
}

describe.each(['differences', 'product', 'bytes'] as const)('by %s', (form) => {
  afterAll(() => native().chooseFieldKernel(native().fieldKernels()[0]!, 'auto'))

  it('pixels in memory or in a file are the sources that their values are', async () => {
    native().chooseFieldKernel(native().fieldKernels()[0]!, form)
    const { x, z } = await queries()
    const path = join(await newFolder(), 'pixels.npy')
    const bytes = npyBytes('|u1', SHAPE, PIXELS)
    writeFileSync(path, bytes)
    const expected = await fieldTarget(await Tensor.from<'float32'>(values(false), SHAPE), x, z)
    const pixels = await fieldTarget(await Tensor.from<'uint8'>(PIXELS, SHAPE), x, z)
    const offset = bytes.length - PIXELS.length
    const mapped = await fieldTarget(await Tensor.map(path, 'uint8', SHAPE, offset), x, z)
    // Products of bytes are another way to the same sums.
    if (form === 'bytes')
      expect(maxRelativeRowError(await pixels.data(), await expected.data(), 65)).toBeLessThan(2e-7)
    else expect(await pixels.data()).toEqual(await expected.data())
    expect(await mapped.data()).toEqual(await pixels.data())
  })

  it.each([false, true])(
    'a field of the whole data has every item as a source, mirrored: %s',
    async (mirror) => {
      native().chooseFieldKernel(native().fieldKernels()[0]!, form)
      using data = await Tensor.from(PIXELS, SHAPE)
      const draw = { seed: 3n, step: 5, batchSize: 40, smallBatchSize: 40, wholeData: true, mirror }
      using batch = await FLOW.batch(data, draw, 'cpu')
      const all = mirror ? Float32Array.of(...values(false), ...values(true)) : values(false)
      const sources = await Tensor.from<'float32'>(all, [all.length / 64, 64])
      const expected = await fieldTarget(sources, batch.x, batch.z, PUBLISHED.gamma)
      // Guesses of the nearest source change the order of a sum by products.
      const error = maxRelativeRowError(await batch.target.data(), await expected.data(), 65)
      expect(error).toBeLessThan(2e-7)
    },
  )
})

it.each([false, true])('a batch of pixels is the batch of their values, mirrored: %s', async (mirror) => {
  const shape = [300, 3, 8, 8]
  const pixels = Uint8Array.from({ length: 300 * 192 }, (_, i) => Math.imul(i + 7, 2654435761) >>> 24)
  using data = await Tensor.from<'uint8'>(pixels, shape)
  using floats = await Tensor.from<'float32'>(
    Float32Array.from(pixels, (v) => Math.fround(v / 127.5) - 1),
    shape,
  )
  const draw = { seed: 3n, step: 5, batchSize: 280, smallBatchSize: 40, wholeData: false, mirror }
  using batch = await FLOW.batch(data, draw, 'cpu')
  using expected = await FLOW.batch(floats, draw, 'cpu')
  expect(await batch.x.data()).toEqual(await expected.x.data())
  const error = maxRelativeRowError(await batch.target.data(), await expected.target.data(), 193)
  expect(error).toBeLessThan(2e-7)
})
