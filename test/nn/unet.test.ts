import { describe, expect, it } from 'vitest'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { float32, golden, loadWeights, maxAbsoluteError, publishedNetwork } from '../golden.js'

describe('DDPM++ and NCSN++ agree with the published networks', () => {
  it.each([
    'ddpmpp-16',
    'ncsnpp-16',
    'ddpmpp-digits',
    'reference-options/ddpm-resblock',
    'reference-options/ncsnpp-inputskip-cat',
  ])('%s', async (name) => {
    const forward = golden(`${name}/forward.safetensors`)
    const path = `${name}/${name === 'ddpmpp-digits' ? 'ema-weights' : 'weights'}.safetensors`
    const weights = golden(path)
    using network = await Network.create(publishedNetwork(`${name}/config.json`))
    const shapes = Object.fromEntries(network.parameters().map((each) => [each.name, each.shape]))
    const published = weights.names.filter((each) => each !== 'sigmas') // of the score models
    expect(shapes).toEqual(Object.fromEntries(published.map((each) => [each, weights.array(each).shape])))
    await loadWeights(network, path)
    const x = await float32(forward.array('x'))
    const z = await float32(forward.array('z'))
    const field = await network.forward(x, z)
    const scale = Number(forward.metadata.output_scale ?? 1)
    expect(maxAbsoluteError(await field.x.data(), forward.array('out_x').values)).toBeLessThan(1e-5 * scale)
    expect(maxAbsoluteError(await field.z!.data(), forward.array('out_z').values)).toBeLessThan(1e-5 * scale)
  })
})

it('Fourier features of an image take the noise that its flow tells, which may be below 0', async () => {
  const config = publishedNetwork('ncsnpp-16/config.json')
  using network = await Network.create({ ...config, initScale: 1, output: 'image' })
  using x = await Tensor.full([2, 3, 16, 16], 0.5, 'float32')
  using z = await Tensor.from<'float32'>(Float32Array.of(-1.5, 1), [2])
  const { x: images } = await network.forward(x, z)
  using _ = images
  const values = await images.data()
  expect(values.every(Number.isFinite)).toBe(true)
  expect(values.slice(0, 768)).not.toEqual(values.slice(768))
})

describe('options that no golden has', () => {
  const cat = publishedNetwork('reference-options/ncsnpp-inputskip-cat/config.json')
  const ddpm = publishedNetwork('reference-options/ddpm-resblock/config.json')

  it('sum adds what cat puts beside: the convolutions after it take fewer channels', async () => {
    using network = await Network.create({ ...cat, progressiveCombine: 'sum' })
    const shapes = new Map(network.parameters().map(({ name, shape }) => [name, shape]))
    expect(shapes.get('all_modules.6.Conv_0.weight')).toEqual([12, 3, 1, 1])
    expect(shapes.get('all_modules.7.Conv_0.weight')).toEqual([24, 12, 3, 3])
  })

  it('resampling without convolutions has no weights but keeps its number among the modules', async () => {
    using network = await Network.create({ ...ddpm, resampWithConv: false })
    using whole = await Network.create(ddpm)
    const resampling = /^all_modules\.(4|13)\./
    const kept = whole.parameters().filter(({ name }) => !resampling.test(name))
    expect(network.parameters()).toEqual(kept)
  })

  it('what the published code cannot run is refused', async () => {
    await expect(Network.create({ ...ddpm, fir: true })).rejects.toThrow(
      'Expected fir to be false or resampWithConv to be false where resblock is ddpm',
    )
  })
})
