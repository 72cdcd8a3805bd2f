import { sides } from '../../../arguments/image-size.js'
import type { KUnetConfig } from '../../../nn/config.js'
import type { Architecture, Given } from './architecture.js'
import { embedded, fourier } from './embedding.js'
import type { Value } from './graph.js'
import type { Image, Operations } from './operations.js'

/** The U-Net of k-diffusion (native/nn/k_unet.cpp). */
export const kUnet: Architecture<KUnetConfig> = (given) => ({ x: new KUnet(given).body().value })

const CHANNELS_PER_GROUP = 32
const CHANNELS_PER_HEAD = 64

class KUnet {
  readonly #ops: Operations
  readonly #config: KUnetConfig
  readonly #x: Image
  readonly #embedding: Value

  constructor({ ops, config, x, told, label }: Given<KUnetConfig>) {
    const [height, width] = sides(config.imageSize)
    this.#ops = ops
    this.#config = config
    this.#x = { value: x, channels: config.channels, height, width }
    this.#embedding = embedded(
      ops,
      {
        frequencies: fourier(ops, 'timestep_embed.weight', 2 * Math.PI),
        cosinesFirst: true,
        layers: ['mapping.0', 'mapping.2'],
        labelScale: config.labels ? 1 : undefined,
        activation: 'gelu',
      },
      told,
      label,
    )
  }

  body(): Image {
    const ops = this.#ops
    const { patchSize = 1, blockChannels } = this.#config
    const levels = blockChannels.length
    const x = patchSize === 1 ? this.#x : ops.unshuffled(this.#x, patchSize)
    let h = ops.convolve('proj_in', x)
    const skips: Image[] = []
    for (let level = 0; level < levels; level++) {
      if (level > 0) h = ops.reflected(h, 'down')
      h = this.#level(`u_net.d_blocks.${level}`, level, 1, h)
      skips.push(h)
    }
    for (let level = levels - 1; level >= 0; level--) {
      const joined = level === levels - 1 ? h : ops.beside(h, skips[level]!)
      h = this.#level(`u_net.u_blocks.${levels - 1 - level}`, level, 0, joined)
      if (level > 0) h = ops.reflected(h, 'up')
    }
    const out = ops.convolve('proj_out', h)
    return patchSize === 1 ? out : ops.shuffled(out, patchSize)
  }

  /** A level's blocks, the first of which is module `first`, each with its attention where the level has any. */
  #level(name: string, level: number, first: number, x: Image): Image {
    const { depths, attends } = this.#config
    let module = first
    let h = x
    for (let i = 0; i < depths[level]!; i++) {
      h = this.#block(`${name}.${module++}`, h)
      if (attends[level]) h = this.#attend(`${name}.${module++}`, h)
    }
    return h
  }

  #norm(name: string, x: Image): Image {
    const ops = this.#ops
    const value = ops.normalised(x, 1e-5, partsOf(x, CHANNELS_PER_GROUP))
    return ops.modulated({ ...x, value }, ops.linearOfImage(`${name}.mapper`, this.#embedding))
  }

  #block(name: string, x: Image): Image {
    const ops = this.#ops
    const read = (norm: string, image: Image): Image => {
      const normal = this.#norm(norm, image)
      return { ...normal, value: ops.gelu(normal.value) }
    }
    const first = ops.convolve(`${name}.main.2`, read(`${name}.main.0`, x))
    const second = ops.convolve(`${name}.main.6`, read(`${name}.main.4`, first))
    return ops.sum(ops.graph.has(`${name}.skip.weight`) ? ops.convolve(`${name}.skip`, x) : x, second)
  }

  /** A head's channels lie side by side. */
  #attend(name: string, x: Image): Image {
    const ops = this.#ops
    const { channels, height, width } = x
    const each = channels / partsOf(x, CHANNELS_PER_HEAD)
    const all = ops.convolve(`${name}.qkv_proj`, this.#norm(`${name}.norm_in`, x))
    const [query, key, value] = [0, 1, 2].map((i) => {
      const one = ops.slice(all.value, i * channels, (i + 1) * channels)
      return ops.transpose(ops.reshape(one, [-1, each, height * width]))
    })
    const mixed = ops.transpose(ops.attention(query!, key!, value!, each))
    const image = { ...x, value: ops.reshape(mixed, [-1, channels, height, width]) }
    return ops.sum(x, ops.convolve(`${name}.out_proj`, image))
  }
}

const partsOf = ({ channels }: Image, each: number): number => Math.max(1, Math.floor(channels / each))
