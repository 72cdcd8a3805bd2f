import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { createFlow, parseFlow } from '../../src/flow/kinds.js'
import { fieldTarget, PUBLISHED } from '../../src/flow/pfgm.js'
import type { SongConfig, UnetConfig } from '../../src/nn/config.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { maxRelativeRowError } from '../golden.js'
import { eventsOf, newOut } from './runs.js'

const COUNT = 120
const LABELS = Uint8Array.from({ length: COUNT }, (_, i) => (i % 5 === 0 ? 2 : i % 2))
/** Pictures of 4 x 4, the brighter the higher their class. */
const pictures = (classes?: string[]) => {
  const pixels = Uint8Array.from({ length: COUNT * 16 }, (_, i) => 60 * LABELS[i >> 4]! + ((i * i * 31) % 60))
  return datasets.array(pixels, [1, 4, 4], { labels: LABELS, ...(classes && { classes }) })
}
const NETWORK: UnetConfig = {
  kind: 'unet',
  channels: 1,
  imageSize: 4,
  nf: 8,
  chMult: [1],
  numResBlocks: 1,
  attnResolutions: [],
  dropout: 0,
  embedding: 'positional',
  fourierScale: 16,
  fir: false,
  progressiveInput: 'none',
  skipRescale: true,
  initScale: 0,
  centered: true,
}
const OPTIONS = {
  network: NETWORK,
  batchSize: 64,
  smallBatchSize: 64,
  learningRate: 5e-3,
  warmup: 10,
  emaRate: 0.98,
  evaluationCount: 0,
  sampleEvery: 0,
  labels: true,
} as const

describe('a batch', () => {
  const flow = createFlow(parseFlow({ ...PUBLISHED, M: 200, zMax: 5, upperNorm: 40 }))
  // A batch of as many items as there are has each of them once.
  const draw = { seed: 3n, step: 5, batchSize: COUNT, smallBatchSize: 40, mirror: false }

  it.each([false, true])(
    'of labels: the field of a class is that of its own charges (all data: %s)',
    async (wholeData) => {
      const { values } = await pictures()
      using data = await Tensor.from<'uint8'>(values as Uint8Array, [COUNT, 1, 4, 4])
      using classes = await Tensor.from<'int64'>(BigInt64Array.from(LABELS, BigInt), [COUNT])
      using batch = await flow.batch(data, { ...draw, wholeData, labels: { classes, dropout: 0.3 } }, 'cpu')
      using plain = await flow.batch(data, { ...draw, wholeData }, 'cpu')
      expect(await batch.x.data()).toEqual(await plain.x.data())
      const labels = [...(await batch.labels!.data())].map(Number)
      const dropped = labels.filter((label) => label < 0).length
      expect(dropped).toBeGreaterThan(4)
      expect(dropped).toBeLessThan(22)
      const [target, all] = [await batch.target.data(), await plain.target.data()]
      for (const [i, label] of labels.entries()) {
        const row = target.subarray(17 * i, 17 * i + 17)
        // Without its label an item is learned from with all charges.
        if (label < 0)
          expect(maxRelativeRowError(row, all.subarray(17 * i, 17 * i + 17), 17)).toBeLessThan(2e-7)
        else {
          const own = Uint8Array.from(values as Uint8Array).filter((_, j) => LABELS[j >> 4] === label)
          using sources = await Tensor.from<'uint8'>(own, [own.length / 16, 16])
          using x = await batch.x.slice(i, 1)
          using z = await batch.z.slice(i, 1)
          using expected = await fieldTarget(sources, x, z, PUBLISHED.gamma)
          expect(maxRelativeRowError(row, await expected.data(), 17)).toBeLessThan(2e-7)
        }
      }
    },
  )
})

describe.each(['pfgm', 'edm'] as const)('%s', (kind) => {
  it('samples are of the class that is asked for, also after a break', async () => {
    const [whole, broken] = [newOut(), newOut()]
    const data = await pictures(['dark', 'grey', 'bright'])
    const network: UnetConfig = { ...NETWORK, output: kind === 'edm' ? 'image' : 'field' }
    const options = { ...OPTIONS, network, data, flow: { kind } }
    await eventsOf({ ...options, out: whole, steps: 160 })
    await eventsOf({ ...options, out: broken, steps: 80 })
    await eventsOf({ ...options, out: broken, steps: 160, resume: true })
    using model = await PoissonFlow.load(whole)
    using again = await PoissonFlow.load(broken)
    expect(model.config.classes).toEqual(['dark', 'grey', 'bright'])
    expect(model.classCount).toBe(3)
    const draw = async (flow: PoissonFlow) => {
      const { images } = await flow.sample({
        count: 48,
        labels: [...'012'].flatMap((c) => Array(16).fill(Number(c))),
        solver: 'unipc',
        steps: 12,
      })
      using owned = images
      return owned.data()
    }
    const values = await draw(model)
    expect(await draw(again)).toEqual(values)
    const mean = (from: number) =>
      values.subarray(from * 256, from * 256 + 256).reduce((sum, v) => sum + v, 0) / 256
    const expected = [0, 1, 2].map((label) => (60 * label + 30) / 127.5 - 1)
    for (const [label, wanted] of expected.entries()) expect(Math.abs(mean(label) - wanted)).toBeLessThan(0.2)
  })
})

it('labels that are not there, or networks that take none, are refused', async () => {
  const out = newOut()
  const points = await datasets.toy('two-moons', { count: 100 })
  const failure = (options: object) =>
    expect(eventsOf({ ...OPTIONS, out, steps: 1, ...options } as never)).rejects
  await failure({ data: points, network: undefined }).toThrow(
    'Expected labels in the data but two-moons has none',
  )
  const labelled = await datasets.array(
    new Float32Array(20).fill(0.5).map((v, i) => v + i),
    [2],
    { labels: new Uint8Array(10) },
  )
  await failure({ data: labelled, network: undefined }).toThrow('Expected a network that takes labels')
  const data = await pictures()
  await failure({ data, network: { ...NETWORK, labels: 2 } }).toThrow('Expected labels of at most 2 classes')
  await failure({ data, labelDropout: 2 }).toThrow('Expected labelDropout to be a number from 0 to 1')
  await failure({ data, labels: false, network: { ...NETWORK, labels: 3 } }).toThrow('but received false')
  await eventsOf({ ...OPTIONS, data, out, steps: 1 })
  const others = await datasets.array(data.values, [1, 4, 4], {
    labels: LABELS.map((label) => (label + 1) % 3),
  })
  await failure({ data: others, resume: true, steps: 2 }).toThrow(
    'Expected the labels that the run was started with',
  )
  await failure({ data, labels: false, resume: true, steps: 2 }).toThrow('Expected labels to be true')
  const named = await pictures(['a', 'b', 'c'])
  await failure({ data: named, resume: true, steps: 2 }).toThrow(
    'Expected the classes that the run was started with',
  )
})

it("EDM's own network goes on with the labels that it was made to take", async () => {
  const network: SongConfig = {
    kind: 'song',
    channels: 1,
    imageSize: 4,
    labels: 0,
    augment: 0,
    modelChannels: 8,
    channelMult: [1],
    numBlocks: 1,
    attnResolutions: [],
    dropout: 0,
    embedding: 'positional',
    channelMultNoise: 1,
    encoder: 'standard',
    fir: false,
  }
  const options = {
    ...OPTIONS,
    network,
    data: await pictures(),
    out: newOut(),
    flow: { kind: 'edm' } as const,
  }
  await eventsOf({ ...options, steps: 1 })
  await eventsOf({ ...options, steps: 2, resume: true })
  using model = await PoissonFlow.load(options.out)
  expect(model.classCount).toBe(3)
})
