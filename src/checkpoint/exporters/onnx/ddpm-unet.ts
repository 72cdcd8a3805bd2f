import { sides } from '../../../arguments/image-size.js'
import type { DdpmConfig } from '../../../nn/config.js'
import type { Architecture, Given } from './architecture.js'
import { embedded, positional } from './embedding.js'
import type { Value } from './graph.js'
import type { Image, Operations } from './operations.js'

/** The U-Net of DDPM as diffusers has it (native/nn/ddpm_unet.cpp). */
export const ddpmUnet: Architecture<DdpmConfig> = (given) => ({ x: new DdpmUnet(given).body().value })

class DdpmUnet {
  readonly #ops: Operations
  readonly #config: DdpmConfig
  readonly #x: Image
  readonly #embedding: Value

  constructor({ ops, config, x, told, label }: Given<DdpmConfig>) {
    const [height, width] = sides(config.imageSize)
    this.#ops = ops
    this.#config = config
    this.#x = { value: x, channels: config.channels, height, width }
    const half = config.blockChannels[0]! / 2
    this.#embedding = embedded(
      ops,
      {
        frequencies: positional(ops, half, half - config.frequencyShift),
        cosinesFirst: config.cosinesFirst,
        layers: ['time_embedding.linear_1', 'time_embedding.linear_2'],
        labelScale: config.labels ? 1 : undefined,
        labelsLast: true,
      },
      told,
      label,
    )
  }

  body(): Image {
    const ops = this.#ops
    const skips: Image[] = []
    let h = this.#down(skips)
    h = this.#block('mid_block.resnets.0', h, h.channels)
    h = this.#attend('mid_block.attentions.0', h)
    h = this.#block('mid_block.resnets.1', h, h.channels)
    h = this.#up(h, skips)
    return ops.convolve('conv_out', ops.siluOf(this.#norm('conv_norm_out', h)))
  }

  #down(skips: Image[]): Image {
    const ops = this.#ops
    const { blockChannels, layersPerBlock, downsamplePadding } = this.#config
    const before = downsamplePadding
    let h = ops.convolve('conv_in', this.#x)
    skips.push(h)
    for (const [level, channels] of blockChannels.entries()) {
      const name = `down_blocks.${level}`
      for (let j = 0; j < layersPerBlock; j++) {
        h = this.#blockOfLevel(name, j, h, channels)
        skips.push(h)
      }
      if (level === blockChannels.length - 1) break
      h = ops.convolve(`${name}.downsamplers.0.conv`, h, { stride: 2, pads: [before, before, 1, 1] })
      skips.push(h)
    }
    return h
  }

  #up(below: Image, skips: Image[]): Image {
    const ops = this.#ops
    const { blockChannels, layersPerBlock } = this.#config
    let h = below
    for (const [level, channels] of blockChannels.toReversed().entries()) {
      const name = `up_blocks.${level}`
      for (let j = 0; j <= layersPerBlock; j++)
        h = this.#blockOfLevel(name, j, ops.beside(h, skips.pop()!), channels)
      if (level < blockChannels.length - 1)
        h = ops.convolve(`${name}.upsamplers.0.conv`, ops.resampled(h, 'up', false))
    }
    return h
  }

  /** A block with its attention, where its level has any. */
  #blockOfLevel(level: string, index: number, x: Image, channels: number): Image {
    const h = this.#block(`${level}.resnets.${index}`, x, channels)
    const attends = this.#config.attnResolutions.includes(Math.max(h.height, h.width))
    return attends ? this.#attend(`${level}.attentions.${index}`, h) : h
  }

  #norm(name: string, x: Image): Image {
    const { normEpsilon, normGroups } = this.#config
    return this.#ops.groupNorm(name, x, normEpsilon, normGroups)
  }

  #block(name: string, x: Image, channels: number): Image {
    const ops = this.#ops
    const first = ops.convolve(`${name}.conv1`, ops.siluOf(this.#norm(`${name}.norm1`, x)))
    const told = ops.linearOfImage(`${name}.time_emb_proj`, this.#embedding)
    const between = { ...first, value: ops.plus(first.value, told) }
    const second = ops.convolve(`${name}.conv2`, ops.siluOf(this.#norm(`${name}.norm2`, between)))
    return ops.sum(x.channels === channels ? x : ops.convolve(`${name}.conv_shortcut`, x), second)
  }

  /** A head's channels lie side by side. */
  #attend(name: string, x: Image): Image {
    const ops = this.#ops
    const { channels, height, width } = x
    const each = this.#config.headChannels ?? channels
    const rows = ops.rowsOf(this.#norm(`${name}.group_norm`, x))
    const ofHeads = (layer: string): Value => {
      const columns = ops.transpose(ops.linearOfRows(`${name}.${layer}`, rows))
      return ops.transpose(ops.reshape(columns, [-1, each, height * width]))
    }
    const mixed = ops.attention(ofHeads('to_q'), ofHeads('to_k'), ofHeads('to_v'), each)
    const together = ops.transpose(ops.reshape(ops.transpose(mixed), [-1, channels, height * width]))
    return ops.sum(x, ops.imageOf(ops.linearOfRows(`${name}.to_out.0`, together), x, channels))
  }
}
