import { sides } from '../../../arguments/image-size.js'
import { outputOf, type UnetConfig } from '../../../nn/config.js'
import type { Architecture, Given } from './architecture.js'
import { embedded, fourier, positional } from './embedding.js'
import { fieldOf, heightOf } from './field.js'
import type { Value } from './graph.js'
import type { Image, Operations, Resample } from './operations.js'

const EPSILON = 1e-6

/** DDPM++ and NCSN++ (native/nn/unet.cpp). Modules are numbered in the order in which they are used. */
export const unet: Architecture<UnetConfig> = (given) => {
  const h = new Unet(given).body()
  return fieldOf(given.ops, given.config, h)
}

class Unet {
  readonly #ops: Operations
  readonly #config: UnetConfig
  readonly #x: Image
  readonly #embedding: Value
  readonly #factor: number
  #number = 0

  constructor({ ops, config, x, told, label }: Given<UnetConfig>) {
    const [height, width] = sides(config.imageSize)
    this.#ops = ops
    this.#config = config
    this.#x = { value: config.centered ? x : this.#spread(x), channels: config.channels, height, width }
    this.#factor = config.skipRescale ? Math.SQRT1_2 : 1
    this.#embedding = this.#embed(heightOf(ops, config, told), label)
  }

  body(): Image {
    const skips: Image[] = []
    let h = this.#down(skips)
    h = this.#block(h, h.channels)
    h = this.#attend(h)
    h = this.#block(h, h.channels)
    h = this.#up(h, skips)
    const normal = this.#ops.groupNorm(this.#next(), h, EPSILON)
    return this.#ops.convolve(this.#next(), this.#ops.siluOf(normal))
  }

  #next(): string {
    return `all_modules.${this.#number++}`
  }

  /** 2 x - 1 of data in [0, 1]. */
  #spread(x: Value): Value {
    const { graph } = this.#ops
    return graph.node('Sub', [this.#ops.times(x, graph.floats([2])), graph.floats([1])])
  }

  #embed(told: Value, label: Value | undefined): Value {
    const ops = this.#ops
    const { embedding, nf, labels = 0 } = this.#config
    const isFourier = embedding === 'fourier'
    const half = nf / 2
    return embedded(
      ops,
      {
        frequencies: isFourier ? fourier(ops, `${this.#next()}.W`) : positional(ops, half, half - 1),
        ...(isFourier && { after: 2 * Math.PI }),
        logarithm: isFourier && outputOf(this.#config) === 'field',
        layers: [this.#next(), this.#next()],
        labelScale: labels > 0 ? Math.sqrt(labels) : undefined,
      },
      told,
      label,
    )
  }

  #down(skips: Image[]): Image {
    const ops = this.#ops
    const { nf, chMult, numResBlocks } = this.#config
    let pyramid = this.#x
    let h = ops.convolve(this.#next(), pyramid)
    skips.push(h)
    for (const [level, multiple] of chMult.entries()) {
      for (let j = 0; j < numResBlocks; j++) {
        h = this.#block(h, nf * multiple)
        if (this.#attends(h)) h = this.#attend(h)
        skips.push(h)
      }
      if (level === chMult.length - 1) break
      h = this.#resampled(h, 'down')
      ;[h, pyramid] = this.#withInput(h, pyramid)
      skips.push(h)
    }
    return h
  }

  #up(below: Image, skips: Image[]): Image {
    const { nf, chMult, numResBlocks } = this.#config
    let h = below
    for (let level = chMult.length - 1; level >= 0; level--) {
      for (let j = 0; j <= numResBlocks; j++) {
        h = this.#block(this.#ops.beside(h, skips.pop()!), nf * chMult[level]!)
      }
      if (this.#attends(h)) h = this.#attend(h)
      if (level > 0) h = this.#resampled(h, 'up')
    }
    return h
  }

  /** The shrunken input joins in. */
  #withInput(h: Image, pyramid: Image): [h: Image, pyramid: Image] {
    const ops = this.#ops
    const { progressiveInput, progressiveCombine, fir } = this.#config
    if (progressiveInput === 'none') return [h, pyramid]
    if (progressiveInput === 'input_skip') {
      const shrunken = ops.resampled(pyramid, 'down', fir)
      const given = ops.convolve(`${this.#next()}.Conv_0`, shrunken)
      return [progressiveCombine === 'cat' ? ops.beside(given, h) : ops.sum(given, h), shrunken]
    }
    const name = `${this.#next()}.Conv2d_0`
    const given = fir
      ? ops.convolve(name, ops.filtered(pyramid, 1, 2), { stride: 2, pads: [0, 0, 0, 0] })
      : ops.convolve(name, ops.halved(pyramid))
    const joined = ops.sum(given, h, this.#factor)
    return [joined, joined]
  }

  /** Of images that are not square, resolutions are told by the larger side. */
  #attends({ height, width }: Image): boolean {
    return this.#config.attnResolutions.includes(Math.max(height, width))
  }

  /** What changes the size between levels: a block of BigGAN's, or beside DDPM's blocks a layer that may convolve. */
  #resampled(x: Image, how: Resample): Image {
    const { resblock, resampWithConv = true, fir } = this.#config
    if (resblock !== 'ddpm') return this.#block(x, x.channels, how)
    const name = `${this.#next()}.Conv_0`
    if (!resampWithConv) return this.#ops.resampled(x, how, fir)
    return how === 'up'
      ? this.#ops.convolve(name, this.#ops.resampled(x, how, fir))
      : this.#ops.convolve(name, x, { stride: 2, pads: [0, 0, 1, 1] })
  }

  #block(x: Image, channels: number, how: Resample = 'none'): Image {
    const ops = this.#ops
    const { fir } = this.#config
    const name = this.#next()
    const read = ops.resampled(ops.siluOf(ops.groupNorm(`${name}.GroupNorm_0`, x, EPSILON)), how, fir)
    const first = ops.convolve(`${name}.Conv_0`, read)
    const told = ops.plus(first.value, ops.linearOfImage(`${name}.Dense_0`, this.#embedding))
    const normal = ops.groupNorm(`${name}.GroupNorm_1`, { ...first, value: told }, EPSILON)
    const second = ops.convolve(`${name}.Conv_1`, ops.siluOf(normal))
    const past = ops.resampled(x, how, fir)
    const skip = this.#skip(name, past, x.channels !== channels || how !== 'none')
    return ops.sum(skip, second, this.#factor)
  }

  #skip(name: string, past: Image, changes: boolean): Image {
    if (!changes) return past
    return this.#config.resblock === 'ddpm'
      ? this.#ops.nin(`${name}.NIN_0`, past)
      : this.#ops.convolve(`${name}.Conv_2`, past)
  }

  #attend(x: Image): Image {
    const ops = this.#ops
    const name = this.#next()
    const rows = ops.rowsOf(ops.groupNorm(`${name}.GroupNorm_0`, x, EPSILON))
    const [query, key, value] = [0, 1, 2].map((i) => ops.ninOfRows(`${name}.NIN_${i}`, rows))
    const mixed = ops.ninOfRows(`${name}.NIN_3`, ops.attention(query!, key!, value!, x.channels))
    return ops.sum(x, ops.imageOf(mixed, x, x.channels), this.#factor)
  }
}
