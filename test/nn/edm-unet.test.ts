import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import type { NetworkConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { followed } from '../flow/followed.js'
import { golden, goldenJson, loadWeights, maxAbsoluteError } from '../golden.js'
import { eventsOf, newOut } from '../train/runs.js'
import { DDPM, DDPMPP, K_UNET, NCSNPP, SMALL } from './small-networks.js'

/** A network of the published classes: `_init_kwargs` of a snapshot. */
interface Published {
  readonly model_type: 'SongUNet' | 'DhariwalUNet'
  readonly img_resolution: number
  readonly img_channels: number
  readonly label_dim: number
  readonly model_channels: number
  readonly channel_mult: number[]
  readonly num_blocks: number
  readonly attn_resolutions: number[]
  readonly dropout: number
  readonly augment_dim?: number
  readonly embedding_type: 'positional' | 'fourier'
  readonly encoder_type: 'standard' | 'residual'
  readonly channel_mult_noise: number
  readonly resample_filter: number[]
}

function configOf(given: Published): NetworkConfig {
  const shared = {
    channels: given.img_channels,
    imageSize: given.img_resolution,
    labels: given.label_dim,
    augment: given.augment_dim ?? 0,
    modelChannels: given.model_channels,
    channelMult: given.channel_mult,
    numBlocks: given.num_blocks,
    attnResolutions: given.attn_resolutions,
    dropout: given.dropout,
  }
  if (given.model_type === 'DhariwalUNet') return { kind: 'dhariwal', ...shared }
  return {
    kind: 'song',
    ...shared,
    embedding: given.embedding_type,
    encoder: given.encoder_type,
    channelMultNoise: given.channel_mult_noise,
    fir: given.resample_filter.length === 4,
  }
}

async function publishedNetwork(name: string): Promise<Network> {
  const network = await Network.create(configOf(goldenJson<Published>(`pfgmpp/${name}/config.json`)))
  await loadWeights(network, `pfgmpp/${name}/weights.safetensors`, 'model.')
  return network
}

const LABELS = Int32Array.of(0, 1, 2, 3, 4)

describe.each(['song', 'song-ncsnpp', 'dhariwal', 'dhariwal-heads'])('the published %s', (name) => {
  const file = golden(`pfgmpp/${name}/forward.safetensors`)

  it('denoises as published', async () => {
    using network = await publishedNetwork(name)
    const [x, sigma] = [file.array('x'), file.array('sigma').values]
    const [item, data] = [x.values.length / sigma.length, 0.5]
    const square = Array.from(sigma, (each) => each ** 2 + data ** 2)
    const of = (i: number) => Math.floor(i / item)
    const scaled = Float32Array.from(x.values, (each, i) => each / Math.sqrt(square[of(i)]!))
    using input = await Tensor.from<'float32'>(scaled, x.shape)
    using noise = await Tensor.from<'float32'>(
      Float32Array.from(sigma, (each) => Math.log(each) / 4),
      [5],
    )
    const given = await network.forward(input, noise, LABELS)
    const F = await given.x.data()
    given.x.dispose()
    const denoised = F.map((each, i) => {
      const [s, all] = [sigma[of(i)]!, square[of(i)]!]
      return (data ** 2 / all) * x.values[i]! + ((s * data) / Math.sqrt(all)) * each
    })
    expect(maxAbsoluteError(denoised, file.array('denoised').values)).toBeLessThan(1e-5)
  })

  it('samples as published, each of its class', async () => {
    const flow = { sigmaMax: 80, sigmaMin: 0.002, sigmaData: 0.5, pMean: -1.2, pStd: 1.2 }
    const settings = { kind: 'pfgmpp', D: 128, target: 'image', draw: 'paper', ...flow } as const
    using model = PoissonFlow.of(await publishedNetwork(name), { data: '', step: 0, flow: settings })
    const starts = Float64Array.from(file.array('latents').values)
    const solver = { solver: 'heun', schedule: 'karras', rho: 7, steps: 17 } as const
    const { samples } = await followed(model, starts, [3, 8, 8], solver, { labels: LABELS })
    expect(maxAbsoluteError(samples, file.array('sample').values)).toBeLessThan(1e-5)
  })
})

it('labels are refused by a network that knows none', async () => {
  using network = await Network.create({ kind: 'mlp', dimensions: 2, width: 4, depth: 1 })
  using x = await Tensor.full([1, 2], 0.5, 'float32')
  using z = await Tensor.full([1], 0.1, 'float32')
  await expect(network.forward(x, z, Int32Array.of(0))).rejects.toThrow('Expected no labels for a network')
})

it('a label that is none of the classes is refused, and one that is not given is no class', async () => {
  using network = await publishedNetwork('song')
  using x = await Tensor.full([2, 3, 8, 8], 0.5, 'float32')
  using z = await Tensor.full([2], 0.1, 'float32')
  await expect(network.forward(x, z, Int32Array.of(0, 5))).rejects.toThrow('Expected labels to be below 5')
  const draw = async (labels?: Int32Array) => {
    const { x: image } = await network.forward(x, z, labels)
    using owned = image
    return owned.data()
  }
  const none = await draw()
  expect(await draw(Int32Array.of(-1, -1))).toEqual(none)
  expect(await draw(Int32Array.of(2, 2))).not.toEqual(none)
})

it.each([
  { kind: 'song', ...SMALL, ...DDPMPP },
  { kind: 'song', ...SMALL, ...NCSNPP },
  { kind: 'dhariwal', ...SMALL, modelChannels: 32 },
  { ...DDPM, labels: 0 },
  { ...K_UNET, depths: [1, 1] as number[], labels: 0 },
] as const)(
  'trains: $kind',
  async (network) => {
    const data = await datasets.digits()
    const out = newOut()
    const options = {
      steps: 40,
      batchSize: 64,
      smallBatchSize: 64,
      learningRate: 2e-3,
      warmup: 0,
      sampleEvery: 0,
    }
    const flow = { kind: network.kind === 'ddpm' ? 'vp' : 'edm' } as const
    const events = await eventsOf({ data, out, network, flow, ...options, evaluationCount: 0 })
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))
    const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
    expect(mean(losses.slice(-10))).toBeLessThan(0.9 * mean(losses.slice(0, 5)))
    using model = await PoissonFlow.load(out)
    const { images } = await model.sample({ count: 2, solver: 'heun', steps: 4 })
    expect(images.shape).toEqual([2, 1, 8, 8])
    images.dispose()
  },
  120_000,
)

it('a size that does not halve as often as there are levels is refused', async () => {
  const config = { kind: 'song', ...SMALL, ...DDPMPP, imageSize: 9 } as const
  await expect(Network.create(config)).rejects.toThrow(
    'Expected imageSize to be at most 4096 and divisible by 2^1',
  )
})
