import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { product } from '../../src/check.js'
import { itemShape } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { fitPreset, presetForData } from '../../src/train/fit.js'
import { PRESETS, preset } from '../../src/train/presets.js'

const anySide = fc.integer({ min: 1, max: 1200 })
const anySides = fc.oneof(
  anySide.map((side) => [side, side] as const),
  fc.tuple(anySide, anySide),
)

/** The network and the batch that data get which come without a preset. */
function chosen(shape: number[], device = 'cpu') {
  const name = presetForData(shape, device)
  const { network, training } = fitPreset(name, shape)
  return { name, network, batch: training.smallBatchSize }
}

async function parameters(shape: number[]): Promise<number> {
  using network = await Network.create(chosen(shape).network, { seed: 0 })
  return network.parameterCount
}

describe('data without a preset', () => {
  it('small pictures and points get what is made for them', () => {
    expect(chosen([1, 8, 8])).toMatchObject({ name: 'digits', network: preset('digits').network })
    expect(chosen([2])).toMatchObject({ name: 'toy', network: preset('toy').network })
    expect(chosen([3, 16, 16])).toMatchObject({
      name: 'digits',
      network: { channels: 3, attnResolutions: [8] },
    })
  })

  it.each([
    [20, 40, [1, 2, 2], [10], 32],
    [26, 40, [1, 2], [13], 32],
    [28, 32, [1, 2, 2], [14], 32],
    [30, 32, [1, 2], [15], 32],
    [32, 32, [1, 2, 2], [16], 32],
    [34, 40, [1, 2], [], 16],
    [64, 32, [1, 2, 2, 2], [16], 8],
    [128, 24, [1, 2, 2, 2, 2], [16], 4],
    [256, 16, [1, 2, 2, 2, 2, 2], [16], 4],
  ])(
    '%i pixels on a CPU: %i channels, levels %j, attention at %j, %i pictures a step',
    (size, nf, chMult, attnResolutions, batch) => {
      expect(chosen([3, size, size])).toMatchObject({
        name: 'small',
        batch,
        network: { channels: 3, imageSize: size, nf, chMult, attnResolutions },
      })
    },
  )

  it('have a network of a size that a CPU can train', async () => {
    for (const size of [28, 30, 32]) {
      const grey = await parameters([1, size, size])
      const colour = await parameters([3, size, size])
      expect(grey).toBeGreaterThan(5e5)
      expect(grey).toBeLessThan(4e6)
      expect(colour).toBeLessThan(4e6)
    }
  })

  it.each([
    [[96, 64], [1, 2, 2, 2], [12], 4],
    [[100, 60], [1, 2, 2], [], 4],
    [[64, 96], [1, 2, 2, 2], [12], 4],
    [[1024, 8], [1, 2, 2], [], 4],
  ] as const)(
    '%j pixels, not square: levels %j, attention at %j',
    (sides, chMult, attnResolutions, batch) => {
      expect(chosen([3, ...sides])).toMatchObject({
        name: 'small',
        batch,
        network: { imageSize: sides, chMult, attnResolutions },
      })
    },
  )

  it.each([
    [18, 8],
    [20, 20],
    [24, 16],
    [28, 28],
    [30, 30],
    [32, 32],
    [34, 34],
    [40, 40],
    [64, 64],
    [128, 128],
  ])('can be evaluated: %i x %i pixels, grey and in colour', async (height, width) => {
    for (const channels of [1, 3]) {
      using network = await Network.create(chosen([channels, height, width]).network)
      using x = await Tensor.full([1, channels, height, width], 0.5, 'float32')
      using z = await Tensor.full([1], 1, 'float32')
      const field = await network.forward(x, z)
      expect(field.x.shape).toEqual(x.shape)
      field.x.dispose()
      field.z!.dispose()
    }
  })

  it('have the published one where a GPU trains colour', () => {
    expect(chosen([3, 32, 32], 'cuda:0')).toEqual({
      name: 'cifar10',
      network: preset('cifar10').network,
      batch: 128,
    })
    expect(chosen([1, 28, 28], 'cuda:0').name).toBe('fashion')
  })

  it('always get a network that takes them, or a size to bring them to that does', () => {
    fc.assert(
      fc.property(anySides, fc.constantFrom(1, 3), (sides, channels) => {
        const shape = [channels, ...sides]
        try {
          const { network } = chosen(shape)
          expect(itemShape(network)).toEqual(shape)
          const divisor = 2 ** ((network.kind === 'unet' ? network.chMult.length : 1) - 1)
          expect(sides.map((side) => side % divisor)).toEqual([0, 0])
          expect(product(sides) / divisor ** 2).toBeLessThanOrEqual(1024)
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          const [, width, height] = /pad them to (\d+) x (\d+) /.exec(error.message)!.map(Number)
          expect(product([width!, height!])).toBeGreaterThan(product(sides))
          expect(height! - sides[0]).toBeLessThan(Math.max(8, 0.4 * Math.max(...sides)))
          expect(width! - sides[1]).toBeLessThan(Math.max(8, 0.4 * Math.max(...sides)))
          expect(itemShape(chosen([channels, height!, width!]).network)).toEqual([channels, height, width])
        }
      }),
    )
  })
})

describe('a preset for data of another shape', () => {
  it('is what it was where its levels fit', () => {
    for (const name of PRESETS.filter((each) => each !== 'toy')) {
      const { network } = preset(name)
      expect(fitPreset(name, itemShape(network))).toEqual(preset(name))
    }
    expect(fitPreset('cifar10', [1, 64, 64]).network).toMatchObject({
      channels: 1,
      imageSize: 64,
      nf: 128,
      chMult: [1, 2, 2, 2],
      attnResolutions: [32],
    })
  })

  it('has fewer levels where they do not', () => {
    expect(fitPreset('cifar10', [1, 28, 28]).network).toMatchObject({
      chMult: [1, 2, 2],
      attnResolutions: [14],
    })
  })

  it('is refused with the way out', () => {
    expect(() => fitPreset('small', [1, 45, 99])).toThrow(
      'Expected images whose sides can be halved together down to 32 x 32 pixels or fewer but received 99 x 45: scale or pad them to 100 x 48 (`--size 100x48`',
    )
    expect(() => fitPreset('edm-cifar10', [3, 28, 20])).toThrow('bring them to 32 x 32 (`--size 32`')
    expect(() => fitPreset('toy', [1, 8, 8])).toThrow('Expected points for a network of points')
    expect(() => fitPreset('cifar10', [2])).toThrow(
      'Expected images, [channels, height, width], or points, [dimensions], but received',
    )
    expect(() => preset('nope' as never)).toThrow('Expected preset to be one of digits, fashion, toy')
    expect(() => preset(null as never)).toThrow(TypeError)
  })
})
