import { expect, it } from 'vitest'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { K_UNET } from './small-networks.js'

it.each([
  [{ blockChannels: [16, 100] }, 'divide into groups of about 32, but 100 do not'],
  [{ blockChannels: [50, 16] }, 'but 100 do not'],
  [{ imageSize: 9 }, 'a multiple of 2, of at least twice that'],
  [{ imageSize: 2 }, 'but received 2'],
  [{ imageSize: 12, patchSize: 8 }, 'a multiple of 16'],
  [{ depths: [1] }, 'as many levels as depths and attends have'],
  [{ attends: [true, 'x'] }, 'attends'],
  [{ mappingChannels: 15 }, 'a multiple of 2'],
  [{ dropout: 1 }, 'dropout'],
])('what is no network of k-diffusion is refused: %j', async (fields, words) => {
  await expect(Network.create({ ...K_UNET, ...fields } as never)).rejects.toThrow(words)
})

it('a row without a class is told none, one with a class of it', async () => {
  using network = await Network.create(K_UNET, { seed: 2 })
  using x = await Tensor.full([2, 1, 8, 8], 0.5, 'float32')
  using z = await Tensor.full([2], 0.1, 'float32')
  const given = async (labels?: Int32Array) => {
    const { x: image } = await network.forward(x, z, labels)
    using owned = image
    return owned.data()
  }
  const none = await given()
  expect(await given(Int32Array.of(-1, -1))).toEqual(none)
  expect(await given(Int32Array.of(2, 2))).not.toEqual(none)
  await expect(given(Int32Array.of(0, 3))).rejects.toThrow('Expected labels to be below 3')
})
