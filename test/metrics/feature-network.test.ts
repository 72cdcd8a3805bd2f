import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { FeatureNetwork } from '../../src/metrics/feature-network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { goldenPath } from '../golden.js'

const folder = await mkdtemp(join(tmpdir(), 'pfgm-features-'))
afterAll(() => rm(folder, { recursive: true }))

const network = (name: string) => FeatureNetwork.load(goldenPath(`features/${name}.pt`))
/** Two pictures of one colour each. */
const colours = await Tensor.from<'uint8'>(
  Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => 10 * Math.floor(i / 4)),
  [2, 3, 2, 2],
)

describe('a network of features', () => {
  it('sees pictures of bytes', async () => {
    using means = await network('means')
    const { features, probabilities } = await means.of(colours)
    expect(features.shape).toEqual([2, 3])
    expect([...(await features.data())]).toEqual([0, 10, 20, 30, 40, 50])
    expect(probabilities).toBeUndefined()
  })

  it('sees what a network makes as a PNG would have it', async () => {
    using means = await network('means')
    // -1.5, 0 and 2 are 0, 127.5 (to even: 128) and 255.
    const made = await Tensor.from<'float32'>(Float32Array.of(-1.5, 0, 2), [1, 3, 1, 1])
    expect([...(await (await means.of(made)).features.data())]).toEqual([0, 128, 255])
  })

  it('takes grey pictures as three equal channels where it takes colour', async () => {
    using means = await network('means')
    const grey = await Tensor.from<'uint8'>(Uint8Array.of(7, 9), [1, 1, 1, 2])
    expect([...(await (await means.of(grey)).features.data())]).toEqual([8, 8, 8])
  })

  it('may give probabilities behind features, or ask which of them are wanted', async () => {
    using both = await network('both')
    const { features, probabilities } = await both.of(colours)
    expect([features.shape, probabilities!.shape]).toEqual([
      [2, 3],
      [2, 2],
    ])
    using asked = await network('asked')
    const found = await asked.of(colours)
    expect([...(await found.features.data())].slice(0, 3)).toEqual([0, 10, 20])
    const [first = 0, second = 0, third = 0] = await found.probabilities!.data()
    expect(first + second + third).toBeCloseTo(1, 6)
  })

  it('that gives no row a picture, or takes no such pictures, says so', async () => {
    using number = await network('number')
    await expect(number.of(colours)).rejects.toThrow(
      /Expected a network of features in .*number\.pt, but it does not give a row a picture/,
    )
    using means = await network('means')
    const two = await Tensor.from<'uint8'>(new Uint8Array(8), [1, 2, 2, 2])
    await expect(means.of(two)).rejects.toThrow(/means\.pt, but it does not take pictures of 2 x 2 x 2 bytes/)
  })

  it('that is not there or no TorchScript is refused', async () => {
    await expect(FeatureNetwork.load(join(folder, 'none.pt'))).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_PFGM_IO' }),
    )
    const path = join(folder, 'text.pt')
    await writeFile(path, 'no network')
    await expect(FeatureNetwork.load(path)).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_PFGM_DATA',
        message: expect.stringMatching(/^Expected a TorchScript file \(torch\.jit\.save\)/),
      }),
    )
  })
})
