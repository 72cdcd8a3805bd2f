import { describe, expect, it } from 'vitest'
import { sides } from '../../src/arguments/image-size.js'
import { datasets } from '../../src/data/index.js'
import { networkConfigSchema, type SongConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import type { TrainOptions } from '../../src/train/options.js'
import { type PresetName, preset } from '../../src/train/presets.js'
import { freshConfig, loadData } from '../../src/train/run-config.js'

describe('published networks', () => {
  it.each([
    ['cifar10', 61_805_572],
    ['cifar10-deep', 106_633_732],
    ['cifar10-ncsnpp', 62_759_940],
    ['celeba64', 61_805_572],
    ['lsun256', 124_076_292],
    ['edm-cifar10', 55_732_739],
    ['edm-ffhq64', 61_804_419],
  ] as const)('%s has %d parameters', async (name, count) => {
    using network = await Network.create(preset(name).network)
    expect(network.parameterCount).toBe(count)
  })

  it("EDM's have their published number with the weights of augmented training", async () => {
    const song = preset('edm-cifar10').network as SongConfig
    using network = await Network.create({ ...song, augment: 9 })
    expect(network.parameterCount).toBe(55_733_891)
  })
})

describe('a run by a published preset', () => {
  const runOf = async (name: PresetName, size: number, options: Partial<TrainOptions> = {}) => {
    const values = Uint8Array.from({ length: 2 * 3 * size ** 2 }, (_, i) => i % 251)
    const dataset = await datasets.array(values, [3, size, size])
    const data = await loadData(dataset)
    using _ = data.tensor
    return freshConfig({ data: dataset, out: '', preset: name, ...options }, data, 'cpu')
  }

  it('has the published constants', async () => {
    expect(await runOf('celeba64', 64)).toMatchObject({
      flow: { kind: 'pfgm', M: 291, zMax: 60, upperNorm: 6000, zExp: 1, gamma: 5 },
      training: { steps: 1_300_000, batchSize: 512, smallBatchSize: 128, learningRate: 2e-4 },
    })
    expect(await runOf('lsun256', 256)).toMatchObject({
      network: { dropout: 0 },
      flow: { kind: 'pfgm', M: 356, zMax: 100, upperNorm: 30_000, zExp: 0.1 },
      training: { steps: 2_400_000, batchSize: 32, learningRate: 2e-5 },
    })
    const { training } = await runOf('edm-ffhq64', 64)
    expect(training).toMatchObject({ steps: 781_250, batchSize: 256, learningRate: 2e-4, clipNorm: 0 })
    expect(training.emaRate ** (500_000 / 256)).toBeCloseTo(0.5, 10)
  })

  it.each(['edm-cifar10', 'edm-ffhq64'] as const)(
    'follows its own flow, or another of images: %s',
    async (name) => {
      const { network } = preset(name) as { network: SongConfig }
      const plain = await runOf(name, sides(network.imageSize)[0])
      expect(plain).toMatchObject({ network, flow: { kind: 'edm', sigmaData: 0.5, sigmaMax: 80 } })
      expect(networkConfigSchema.parse(plain.network)).toEqual(network)
      const given = { kind: 'pfgmpp', D: 2048, sigmaData: 0.5 } as const
      expect(await runOf(name, sides(network.imageSize)[0], { flow: given })).toMatchObject({
        network,
        flow: given,
      })
      await expect(runOf(name, sides(network.imageSize)[0], { flow: { kind: 'pfgm' } })).rejects.toThrow(
        'Expected a network whose output is field, as pfgm needs, but received one of image',
      )
    },
  )

  it('learns from no more than the batch size that is given', async () => {
    const sizes = async (options: Partial<TrainOptions>) => (await runOf('celeba64', 64, options)).training
    expect(await sizes({ batchSize: 16 })).toMatchObject({ batchSize: 16, smallBatchSize: 16 })
    expect(await sizes({ batchSize: 200 })).toMatchObject({ batchSize: 200, smallBatchSize: 128 })
    await expect(sizes({ batchSize: 16, smallBatchSize: 17 })).rejects.toThrow('smallBatchSize')
  })

  it('is refused where its network is for another size', async () => {
    await expect(runOf('edm-cifar10', 28)).rejects.toThrow(
      "Expected items of [3, 32, 32], which the preset's network is for, but received items of [3, 28, 28]: bring them to 32 x 32 (`--size 32`",
    )
  })

  it('gives images where another flow is asked of a network that may give either', async () => {
    const { network, flow } = await runOf('celeba64', 64, { flow: { kind: 'edm' } })
    expect(flow).toMatchObject({ kind: 'edm' })
    expect(network).toEqual({ ...preset('celeba64').network, output: 'image' })
  })
})
