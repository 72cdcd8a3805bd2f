import { sides } from '../../../arguments/image-size.js'
import type { DhariwalConfig, SongConfig } from '../../../nn/config.js'
import type { Architecture, Given } from './architecture.js'
import { embedded, fourier, positional } from './embedding.js'
import type { Value } from './graph.js'
import type { Image, Operations, Resample } from './operations.js'

/** The networks of EDM and PFGM++ (native/nn/edm_unet.cpp). */
export const edmUnet: Architecture<SongConfig | DhariwalConfig> = (given) => ({
  x: new EdmUnet(given).body().value,
})

/** Of ADM. */
const CHANNELS_PER_HEAD = 64

class EdmUnet {
  readonly #ops: Operations
  readonly #config: SongConfig | DhariwalConfig
  readonly #x: Image
  readonly #embedding: Value
  /** Whether it is ADM: the embedding scales and shifts, branches are summed as they are, skips resample without weights. */
  readonly #adm: boolean
  readonly #fir: boolean
  readonly #epsilon: number
  readonly #factor: number

  constructor({ ops, config, x, told, label }: Given<SongConfig | DhariwalConfig>) {
    const [height, width] = sides(config.imageSize)
    this.#ops = ops
    this.#config = config
    this.#x = { value: x, channels: config.channels, height, width }
    this.#adm = config.kind === 'dhariwal'
    this.#fir = config.kind === 'song' && config.fir
    this.#epsilon = this.#adm ? 1e-5 : 1e-6
    this.#factor = this.#adm ? 1 : Math.SQRT1_2
    this.#embedding = this.#embed(told, label)
  }

  body(): Image {
    const skips: Image[] = []
    const h = this.#up(this.#down(skips), skips)
    const last = this.#adm ? 'out_' : `${nameAt('dec', h)}aux_`
    const normal = this.#ops.groupNorm(`${last}norm`, h, this.#epsilon)
    return this.#ops.convolve(`${last}conv`, this.#ops.siluOf(normal))
  }

  #embed(told: Value, label: Value | undefined): Value {
    const config = this.#config
    const half = (config.modelChannels * (config.kind === 'song' ? config.channelMultNoise : 1)) / 2
    const isFourier = config.kind === 'song' && config.embedding === 'fourier'
    return embedded(
      this.#ops,
      {
        frequencies: isFourier
          ? fourier(this.#ops, 'map_noise.freqs', 2 * Math.PI)
          : positional(this.#ops, half, this.#adm ? half : half - 1),
        cosinesFirst: this.#adm,
        layers: ['map_layer0', 'map_layer1'],
        labelScale: config.labels === 0 ? undefined : this.#adm ? 1 : Math.sqrt(config.labels),
        labelsLast: this.#adm,
      },
      told,
      label,
    )
  }

  #down(skips: Image[]): Image {
    const ops = this.#ops
    const { modelChannels, channelMult, numBlocks } = this.#config
    let input = this.#x
    let h = ops.convolve(`${nameAt('enc', input)}conv`, input)
    skips.push(h)
    for (const [level, multiple] of channelMult.entries()) {
      if (level > 0) {
        h = this.#block(`${nameAt('enc', halfOf(h))}down`, h, h.channels, 'down')
        if (this.#config.kind === 'song' && this.#config.encoder === 'residual') {
          input = this.#shrunk(`${nameAt('enc', h)}aux_residual`, input, h)
          h = input
        }
        skips.push(h)
      }
      for (let j = 0; j < numBlocks; j++) {
        const attends = this.#attendsAt(h)
        h = this.#block(`${nameAt('enc', h)}block${j}`, h, modelChannels * multiple, 'none', attends)
        skips.push(h)
      }
    }
    return h
  }

  /** The convolution and the filter that halves as one: both pad before the convolution. */
  #shrunk(name: string, input: Image, h: Image): Image {
    const ops = this.#ops
    const padding = this.#fir ? 2 : 1
    const given = ops.convolve(name, input, { pads: [padding, padding, padding, padding] })
    return ops.sum(h, this.#fir ? ops.filtered(given, 2, 0) : ops.halved(given), this.#factor)
  }

  #up(below: Image, skips: Image[]): Image {
    const { modelChannels, channelMult, numBlocks } = this.#config
    let h = below
    for (let level = channelMult.length - 1; level >= 0; level--) {
      if (level === channelMult.length - 1) {
        h = this.#block(`${nameAt('dec', h)}in0`, h, h.channels, 'none', true)
        h = this.#block(`${nameAt('dec', h)}in1`, h, h.channels)
      } else {
        h = this.#block(`${nameAt('dec', doubleOf(h))}up`, h, h.channels, 'up')
      }
      for (let j = 0; j <= numBlocks; j++) {
        const attends = this.#attendsAt(h) && (this.#adm || j === numBlocks)
        const joined = this.#ops.beside(h, skips.pop()!)
        const channels = modelChannels * channelMult[level]!
        h = this.#block(`${nameAt('dec', h)}block${j}`, joined, channels, 'none', attends)
      }
    }
    return h
  }

  #attendsAt({ height, width }: Image): boolean {
    return this.#config.attnResolutions.includes(Math.max(height, width))
  }

  #block(name: string, x: Image, channels: number, how: Resample = 'none', attends = false): Image {
    const ops = this.#ops
    const read = ops.siluOf(ops.groupNorm(`${name}.norm0`, x, this.#epsilon))
    const first = ops.convolve(`${name}.conv0`, ops.resampled(read, how, this.#fir))
    const told = ops.linearOfImage(`${name}.affine`, this.#embedding)
    const between = this.#adm ? first : { ...first, value: ops.plus(first.value, told) }
    const normal = ops.groupNorm(`${name}.norm1`, between, this.#epsilon)
    const modulated = this.#adm ? ops.modulated(normal, told) : normal
    const second = ops.convolve(`${name}.conv1`, ops.siluOf(modulated))
    const past = ops.resampled(x, how, this.#fir)
    const skip = ops.graph.has(`${name}.skip.weight`) ? ops.convolve(`${name}.skip`, past) : past
    const sum = ops.sum(skip, second, this.#factor)
    const heads = this.#adm ? Math.floor(channels / CHANNELS_PER_HEAD) : 1
    return attends && heads > 0 ? this.#attend(name, sum, heads) : sum
  }

  /** Query, key and value of a head's channel lie side by side. */
  #attend(name: string, x: Image, heads: number): Image {
    const ops = this.#ops
    const { channels, height, width: pixels } = x
    const width = channels / heads
    const all = ops.convolve(`${name}.qkv`, ops.groupNorm(`${name}.norm2`, x, this.#epsilon))
    const apart = ops.reshape(all.value, [-1, width, 3, height * pixels])
    const [query, key, value] = [0, 1, 2].map((i) =>
      ops.transpose(ops.graph.node('Gather', [apart, ops.graph.integers([i], [])], { axis: 2 })),
    )
    const mixed = ops.transpose(ops.attention(query!, key!, value!, width))
    const image = { ...x, value: ops.reshape(mixed, [-1, channels, height, pixels]) }
    return ops.sum(x, ops.convolve(`${name}.proj`, image), this.#factor)
  }
}

/** What the names of a level begin with. */
const nameAt = (side: 'enc' | 'dec', { height, width }: Size): string => `${side}.${height}x${width}_`

type Size = Pick<Image, 'height' | 'width'>
const halfOf = ({ height, width }: Size): Size => ({ height: height / 2, width: width / 2 })
const doubleOf = ({ height, width }: Size): Size => ({ height: height * 2, width: width * 2 })
