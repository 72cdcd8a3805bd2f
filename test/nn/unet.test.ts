import { describe, expect, it } from 'vitest'
import { Network } from '../../src/nn/network.js'
import { float32, golden, loadWeights, maxAbsoluteError, publishedNetwork } from '../golden.js'

describe('DDPM++ and NCSN++ agree with the published networks', () => {
  it.each(['ddpmpp-16', 'ncsnpp-16', 'ddpmpp-digits'])('%s', async (name) => {
    const forward = golden(`${name}/forward.safetensors`)
    const weights = name === 'ddpmpp-digits' ? 'ema-weights' : 'weights'
    using network = await Network.create(publishedNetwork(`${name}/config.json`))
    await loadWeights(network, `${name}/${weights}.safetensors`)
    const x = await float32(forward.array('x'))
    const z = await float32(forward.array('z'))
    const field = await network.forward(x, z)
    const scale = Number(forward.metadata.output_scale ?? 1)
    expect(maxAbsoluteError(await field.x.data(), forward.array('out_x').values)).toBeLessThan(1e-5 * scale)
    expect(maxAbsoluteError(await field.z!.data(), forward.array('out_z').values)).toBeLessThan(1e-5 * scale)
  })
})
