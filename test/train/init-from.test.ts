import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import type { GivenFlow } from '../../src/flow/kinds.js'
import type { NetworkConfig, SongConfig, UnetConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import type { TrainEvent } from '../../src/train/events.js'
import type { TrainOptions } from '../../src/train/options.js'
import { train } from '../../src/train/train.js'
import { K_UNET } from '../nn/small-networks.js'
import { eventsOf, home, newOut, SMALL, tensors, warningsOf } from './runs.js'

const { network: _, ...QUICK } = { ...SMALL, steps: 2, evaluationCount: 0 }

const FLOWS = {
  pfgm: {
    sigma: 0.01,
    tau: 0.03,
    M: 200,
    restrictM: true,
    gamma: 5,
    zMax: 4,
    zMin: 0.1,
    upperNorm: 20,
    zExp: 5,
  },
  edm: {
    kind: 'edm',
    sigmaMax: 80,
    sigmaMin: 0.002,
    pMean: -1.2,
    pStd: 1.2,
    sigmaData: 0.5,
    target: 'image',
  },
} satisfies Record<string, GivenFlow>

const UNET: UnetConfig = {
  kind: 'unet',
  channels: 2,
  imageSize: 8,
  nf: 4,
  chMult: [1, 2],
  numResBlocks: 1,
  attnResolutions: [4],
  dropout: 0,
  embedding: 'positional',
  fourierScale: 16,
  fir: false,
  progressiveInput: 'none',
  skipRescale: true,
  initScale: 1,
  centered: true,
}
const EDM_UNET = {
  channels: 2,
  imageSize: 8,
  labels: 0,
  augment: 0,
  modelChannels: 4,
  channelMult: [1, 2],
  numBlocks: 1,
  attnResolutions: [8],
  dropout: 0,
}
const SONG: SongConfig = {
  kind: 'song',
  ...EDM_UNET,
  embedding: 'positional',
  channelMultNoise: 1,
  encoder: 'residual',
  fir: true,
}

let models = 0

/** The file of a model with weights that were drawn, as if it had been trained. */
async function modelOf(network: NetworkConfig, flow: GivenFlow): Promise<string> {
  const path = join(home, `model-${models++}.safetensors`)
  const model = PoissonFlow.of(await Network.create(network, { seed: 7 }), { data: 'old', step: 9, flow })
  await model.save(path)
  model.dispose()
  return path
}

/** Of two channels, as nobody draws them: that would take most of the time. */
const images = (size: number, count = 12, labels?: Uint8Array, channels = 2) =>
  datasets.array(
    Uint8Array.from({ length: count * channels * size ** 2 }, (_, i) => (i * i * 31) % 256),
    [channels, size, size],
    { name: 'new', ...(labels && { labels }) },
  )

async function collect(options: Partial<TrainOptions>): Promise<TrainEvent[]> {
  const data = options.data ?? (await images(8))
  return eventsOf({ ...QUICK, data, out: newOut(), ...options })
}

const first = (out: string) => join(out, 'checkpoints', 'step-0000000.safetensors')
const configOf = (out: string) => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))

/** Starts a run from a model and leaves it; what its first checkpoint holds. */
async function begun(options: Partial<TrainOptions>) {
  const out = newOut()
  const events: TrainEvent[] = []
  for await (const event of train({ ...QUICK, data: await images(8), out, ...options })) {
    events.push(event)
    if (event.type === 'start') break
  }
  const [model, ema, adam] = await Promise.all(
    ['model.', 'ema.', 'adam.'].map((each) => tensors(first(out), each)),
  )
  return { out, model: model!, ema: ema!, adam: adam!, notes: warningsOf(events), config: configOf(out) }
}

describe('a run from a model', () => {
  it('has its weights, network and flow, and an optimizer and steps of its own', async () => {
    const path = await modelOf(UNET, FLOWS.pfgm)
    const { model, ema, adam, notes, config } = await begun({ initFrom: path })
    const weights = await tensors(path)
    expect(model).toEqual(weights)
    expect(ema).toEqual(weights)
    expect([...adam.values()].every((bytes) => /^A+=*$/.test(bytes))).toBe(true)
    expect(notes).toEqual([])
    expect(config).toMatchObject({ initFrom: path, network: UNET, flow: FLOWS.pfgm, training: { steps: 2 } })
  })

  it('takes the averaged weights of a run', async () => {
    const before = newOut()
    await collect({ out: before, network: UNET, emaRate: 0.5, learningRate: 0.1, warmup: 0 })
    const last = join(before, 'checkpoints', 'step-0000002.safetensors')
    const averaged = await tensors(last, 'ema.')
    expect(averaged).not.toEqual(await tensors(last, 'model.'))
    const { model, ema } = await begun({ initFrom: before })
    expect([model, ema]).toEqual([averaged, averaged])
  })

  it('takes a model that comes with the package', async () => {
    const { config, notes } = await begun({ initFrom: 'digits', data: await images(8, 12, undefined, 1) })
    expect(config).toMatchObject({ initFrom: 'digits', network: { kind: 'unet', imageSize: 8 } })
    expect(notes).toEqual(["The model's label embedding, of 10 classes, is left out: new has no labels"])
  })

  it('goes on to the bits of one without a break, when the model is gone', async () => {
    const [straight, broken] = [newOut(), newOut()]
    const initFrom = await modelOf(UNET, FLOWS.pfgm)
    await collect({ initFrom, out: straight, steps: 4 })
    await collect({ initFrom, out: broken, steps: 2 })
    await collect({ out: broken, steps: 4, resume: true })
    const last = (out: string) => tensors(join(out, 'checkpoints', 'step-0000004.safetensors'))
    expect(await last(broken)).toEqual(await last(straight))
    expect(warningsOf(await collect({ initFrom, out: broken, steps: 5, resume: 'auto' }))).toEqual([])
    await expect(collect({ initFrom: 'digits', out: broken, steps: 5, resume: 'auto' })).rejects.toThrow(
      `Expected initFrom to be ${initFrom} as the run was started with but received digits`,
    )
  })
})

describe('labels that the model did not learn', () => {
  const labels = (classes: number) => Uint8Array.from({ length: 12 }, (_, i) => i % classes)

  it.each([
    ['unet', UNET, FLOWS.pfgm],
    ['song', SONG, FLOWS.edm],
    ['dhariwal', { kind: 'dhariwal', ...EDM_UNET }, FLOWS.edm],
  ] as [string, NetworkConfig, GivenFlow][])('are embedded anew: %s', async (_, network, flow) => {
    const initFrom = await modelOf({ ...network, labels: 2 } as NetworkConfig, flow)
    const { model, ema, notes, config } = await begun({ initFrom, data: await images(8, 12, labels(3)) })
    const weights = await tensors(initFrom)
    expect(notes).toEqual(['The label embedding is drawn anew, for 3 classes: the model tells 2 apart'])
    expect(config.network).toEqual({ ...network, labels: 3 })
    for (const [name, bytes] of model) {
      if (name === 'map_label.weight') expect(bytes).not.toBe(weights.get(name))
      else if (name !== 'map_label.bias') expect(bytes).toBe(weights.get(name))
    }
    expect(ema).toEqual(model)
  })

  it('are learned where that is asked for, and left out where they are not wanted', async () => {
    const data = await images(8, 12, labels(3))
    const [without, withThree] = [
      await modelOf(UNET, FLOWS.pfgm),
      await modelOf({ ...UNET, labels: 3 }, FLOWS.pfgm),
    ]
    const network = async (options: Partial<TrainOptions>) =>
      (await begun({ data, ...options })).config.network
    expect((await network({ initFrom: without })).labels).toBeUndefined()
    expect((await network({ initFrom: without, labels: true })).labels).toBe(3)
    expect((await network({ initFrom: withThree })).labels).toBe(3)
    expect((await network({ initFrom: withThree, labels: false })).labels).toBe(0)
    await expect(collect({ initFrom: withThree, labels: true })).rejects.toThrow('new has none')
  })
})

describe('images of another size', () => {
  it.each([
    ['unet', UNET, FLOWS.pfgm, [8]],
    ['song', SONG, FLOWS.edm, [16]],
    ['dhariwal', { kind: 'dhariwal', ...EDM_UNET, attnResolutions: [8, 4] }, FLOWS.edm, [16, 8]],
    ['refinenet', { kind: 'refinenet', channels: 2, imageSize: 8, nf: 4 }, FLOWS.pfgm, undefined],
    ['k-unet', { ...K_UNET, channels: 2, labels: 0 }, FLOWS.edm, undefined],
  ] as [string, NetworkConfig, GivenFlow, number[] | undefined][])(
    'keep every weight, and attend at the same levels: %s',
    async (_, network, flow, attnResolutions) => {
      const initFrom = await modelOf(network, flow)
      const { model, config } = await begun({
        initFrom,
        data: await images(16),
        batchSize: 12,
        smallBatchSize: 2,
      })
      const renamed = [...(await tensors(initFrom))].map(([name, bytes]) => [
        name.replace(/(?<=^(enc|dec)\.)\d+x\d+/, (size) => (size === '8x8' ? '16x16' : '8x8')),
        bytes,
      ])
      expect(model).toEqual(new Map(renamed as [string, string][]))
      expect(config.network).toEqual({
        ...network,
        imageSize: 16,
        ...(attnResolutions && { attnResolutions }),
      })
    },
  )

  it('have the far plane that belongs to them, the rest of the flow stays', async () => {
    const initFrom = await modelOf(UNET, { ...FLOWS.pfgm, gamma: 4 })
    const { notes, config } = await begun({ initFrom, data: await images(16) })
    expect(config.flow).toMatchObject({ gamma: 4, zMin: 0.1 })
    expect(config.flow.upperNorm).not.toBe(20)
    expect(notes).toEqual([
      expect.stringMatching(
        /^The run's flow is not its model's: M \d+ now, 200 before, zMax .* upperNorm .* 20 before$/,
      ),
    ])
  })
})

describe('what the model cannot be for', () => {
  it.each([
    [
      'points',
      () => datasets.toy('heart', { count: 20 }),
      {},
      'Expected items of [2, 8, 8], or images of another size',
    ],
    [
      'colour',
      () => images(8, 12, undefined, 3),
      {},
      'in 2 channels, as the model takes but received items of [3, 8, 8]',
    ],
    [
      'a size that does not halve',
      () => images(9),
      {},
      'multiples of 2, as the model halves them 1 times, but received 9 x 9: scale or pad them to 10 x 10',
    ],
    [
      'a flow of images',
      () => images(8),
      { flow: { kind: 'edm' } },
      'gives, field, as pfgm does, but received edm, which needs image',
    ],
    ['a network', () => images(8), { network: UNET }, 'Expected no network beside initFrom'],
    ['a preset for other items', () => images(9), { preset: 'edm-cifar10' }, 'multiples of 2'],
  ] as const)('%s', async (_, data, options, message) => {
    const initFrom = await modelOf(UNET, FLOWS.pfgm)
    await expect(collect({ initFrom, data: await data(), ...options })).rejects.toThrow(message)
  })

  it('a model that is not there', async () => {
    await expect(collect({ initFrom: 'nothing-here' })).rejects.toThrow('run folder, a model file or one of')
    const events = train({ ...QUICK, data: await images(8), out: newOut(), initFrom: 'null\0byte' })
    await expect(events.next()).rejects.toThrow('Expected initFrom to be a path without null bytes')
  })
})

it('another flow that the weights can serve is learned, with a word', async () => {
  const initFrom = await modelOf(SONG, FLOWS.edm)
  const { notes, config } = await begun({ initFrom, flow: { kind: 'pfgmpp', D: 64 } })
  expect(notes).toEqual(['The run learns pfgmpp, its model had learned edm'])
  expect(config.flow).toMatchObject({ kind: 'pfgmpp', D: 64 })
  const same = await begun({ initFrom, flow: { kind: 'edm', sigmaMax: 40 } })
  expect(same.notes).toEqual(["The run's flow is not its model's: sigmaMax 40 now, 80 before"])
  expect(same.config.flow).toEqual({ ...FLOWS.edm, sigmaMax: 40 })
})
