import { sides } from '../../../arguments/image-size.js'
import { outputOf, type RefinenetConfig } from '../../../nn/config.js'
import type { Architecture } from './architecture.js'
import { fieldOf, heightOf } from './field.js'
import type { Image, Operations } from './operations.js'

const EPSILON = 1e-5

/** The dilation of each stage; the second one halves the size. */
const DILATIONS = [1, 1, 2, 4]
const HALVING_STAGE = 1
/** Units of two convolutions behind each refinement, that of the coarsest stage first. */
const OUTPUT_UNITS = [1, 1, 1, 3]

/** The network of NCSNv2 (native/nn/refinenet.cpp). */
export const refinenet: Architecture<RefinenetConfig> = ({ ops, config, x, told }) => {
  const { graph } = ops
  const layers = new Layers(ops)
  const [height, width] = sides(config.imageSize)
  const z = heightOf(ops, config, told)
  const number =
    outputOf(config) === 'field'
      ? graph.node('Log', [z])
      : graph.node('Asinh', [ops.times(graph.floats([8]), z)])
  const ones = graph.floats(new Array(height * width).fill(1), [1, 1, height, width])
  const plane = ops.times(ops.reshape(number, [-1, 1, 1, 1]), ones)
  const value = graph.node('Concat', [x, plane], { axis: 1 })
  let h = ops.convolve('in', { value, channels: config.channels + 1, height, width })
  const features = DILATIONS.map((dilation, stage) => {
    h = layers.block(`stages.${stage}.0`, h, dilation, stage === HALVING_STAGE)
    h = layers.block(`stages.${stage}.1`, h, dilation, false)
    return h
  })
  for (const [i, units] of OUTPUT_UNITS.entries()) {
    h = layers.refined(`refinements.${i}`, features.pop()!, h, units)
  }
  return fieldOf(ops, config, ops.convolve('out', layers.elu(layers.norm('out_norm', h))))
}

class Layers {
  readonly #ops: Operations

  constructor(ops: Operations) {
    this.#ops = ops
  }

  elu(x: Image): Image {
    return { ...x, value: this.#ops.graph.node('Elu', [x.value]) }
  }

  /** InstanceNorm++: what the channels' means were, normalised over the channels, comes back in. */
  norm(name: string, x: Image): Image {
    const ops = this.#ops
    const { graph } = ops
    const parameters = ['weight', 'bias'].map((part) => graph.parameter(`${name}.${part}`))
    const normal = graph.node('InstanceNormalization', [x.value, ...parameters], {
      epsilon: { float: EPSILON },
    })
    const mean = graph.node('ReduceMean', [x.value], { axes: [2, 3], keepdims: 1 })
    const away = graph.node('Sub', [mean, graph.node('ReduceMean', [mean], { axes: [1], keepdims: 1 })])
    const sum = graph.node('ReduceSum', [ops.times(away, away), graph.integers([1])], { keepdims: 1 })
    const variance = graph.node('Div', [sum, graph.floats([x.channels - 1])])
    const deviation = graph.node('Sqrt', [ops.plus(variance, graph.floats([EPSILON]))])
    const means = ops.times(graph.node('Div', [away, deviation]), ops.ofChannels(`${name}.mean_weight`))
    return { ...x, value: ops.plus(normal, means) }
  }

  block(name: string, x: Image, dilation: number, halves: boolean): Image {
    const ops = this.#ops
    const convolved = (i: number, h: Image) =>
      ops.convolve(`${name}.conv${i}`, this.elu(this.norm(`${name}.norm${i}`, h)), { dilation })
    const h = convolved(1, convolved(0, x))
    const skip = ops.graph.has(`${name}.skip.weight`) ? ops.convolve(`${name}.skip`, x) : x
    const sum = ops.sum(skip, h)
    return halves ? ops.halved(sum) : sum
  }

  /** Refined features of a stage: of its own and, but for the coarsest stage, of those of the coarser stage. */
  refined(name: string, x: Image, coarser: Image, outputUnits: number): Image {
    const own = this.#units(`${name}.adapt`, x, 2)
    const h = this.#ops.graph.has(`${name}.fusion.fine.weight`)
      ? this.#fused(`${name}.fusion`, own, this.#units(`${name}.adapt_coarser`, coarser, 2))
      : own
    return this.#units(`${name}.output`, this.#pooled(`${name}.pooling`, h), outputUnits)
  }

  /** Residual units of two convolutions. */
  #units(name: string, x: Image, count: number): Image {
    const ops = this.#ops
    let h = x
    for (let i = 0; i < count; i++) {
      const first = ops.convolve(`${name}.${i}.conv0`, this.elu(h))
      h = ops.sum(h, ops.convolve(`${name}.${i}.conv1`, this.elu(first)))
    }
    return h
  }

  /** What ever larger windows hold on average is added. */
  #pooled(name: string, x: Image): Image {
    const ops = this.#ops
    const averaged = (h: Image): Image => ({
      ...h,
      value: ops.graph.node('AveragePool', [h.value], {
        ...{ kernel_shape: [5, 5], strides: [1, 1], pads: [2, 2, 2, 2], count_include_pad: 1 },
      }),
    })
    const direct = this.elu(x)
    const first = ops.convolve(`${name}.conv0`, averaged(direct))
    return ops.sum(ops.sum(direct, first), ops.convolve(`${name}.conv1`, averaged(first)))
  }

  #fused(name: string, x: Image, coarser: Image): Image {
    const ops = this.#ops
    const h = ops.convolve(`${name}.coarse`, coarser)
    const fine = ops.convolve(`${name}.fine`, x)
    // The filter is bilinear interpolation.
    return ops.sum(fine, h.height < fine.height ? ops.resampled(h, 'up', true) : h)
  }
}
