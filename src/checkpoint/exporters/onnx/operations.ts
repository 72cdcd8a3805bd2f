import type { Graph, Value } from './graph.js'

/** Values `[n, channels, height, width]`. */
export interface Image {
  readonly value: Value
  readonly channels: number
  readonly height: number
  readonly width: number
}

export type Resample = 'none' | 'up' | 'down'

/** How a convolution takes its input. */
export interface ConvolutionOptions {
  readonly stride?: number
  readonly dilation?: number
  /** Above, left, below, right; where not given, those that keep the size. */
  readonly pads?: readonly [number, number, number, number]
}

/**
 * The layers of networks of images as operations of ONNX, each by the name that its parameters begin with; what they compute
 * is native/nn/layers.cpp's.
 */
export class Operations {
  readonly graph: Graph

  constructor(graph: Graph) {
    this.graph = graph
  }

  convolve(name: string, x: Image, { stride = 1, dilation = 1, pads }: ConvolutionOptions = {}): Image {
    const [channels = 0, , kernel = 1] = this.graph.shapeOf(`${name}.weight`)
    const reach = dilation * (kernel - 1)
    const around = pads ?? [reach / 2, reach / 2, reach / 2, reach / 2]
    const parameters = ['weight', 'bias']
      .map((part) => `${name}.${part}`)
      .filter((each) => this.graph.has(each))
    const value = this.graph.node(
      'Conv',
      [x.value, ...parameters.map((each) => this.graph.parameter(each))],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        dilations: [dilation, dilation],
        pads: around,
      },
    )
    const [above, left, below, right] = around
    const height = Math.floor((x.height + above + below - reach - 1) / stride) + 1
    const width = Math.floor((x.width + left + right - reach - 1) / stride) + 1
    return { value, channels, height, width }
  }

  /** GroupNorm, of min(channels / 4, 32) groups where not given, by an operation that all versions of ONNX have. */
  groupNorm(name: string, x: Image, epsilon: number, given?: number): Image {
    const groups = given ?? Math.min(Math.floor(x.channels / 4), 32)
    const [weight, bias] = ['weight', 'bias'].map((part) => this.ofChannels(`${name}.${part}`))
    return { ...x, value: this.plus(this.times(this.normalised(x, epsilon, groups), weight!), bias!) }
  }

  /** By the mean and the variance of each group of channels. */
  normalised({ value, channels, height, width }: Image, epsilon: number, groups: number): Value {
    const [ones, zeros] = [1, 0].map((value) => this.graph.floats(new Array(groups).fill(value), [groups]))
    const rows = this.reshape(value, [0, groups, -1])
    const normal = this.graph.node('InstanceNormalization', [rows, ones!, zeros!], {
      epsilon: { float: epsilon },
    })
    return this.reshape(normal, [0, channels, height, width])
  }

  /** By [scale less one, shift] a channel, `[n, 2 channels, 1, 1]`. */
  modulated(x: Image, given: Value): Image {
    const scale = this.plus(this.slice(given, 0, x.channels), this.graph.floats([1]))
    const shift = this.slice(given, x.channels, 2 * x.channels)
    return { ...x, value: this.plus(this.times(x.value, scale), shift) }
  }

  /** A parameter `[channels]` as it goes with images. */
  ofChannels(name: string): Value {
    return this.reshape(this.graph.parameter(name), [1, -1, 1, 1])
  }

  silu(x: Value): Value {
    return this.times(x, this.graph.node('Sigmoid', [x]))
  }

  siluOf(x: Image): Image {
    return { ...x, value: this.silu(x.value) }
  }

  gelu(x: Value): Value {
    const share = this.graph.node('Erf', [this.times(x, this.graph.floats([Math.SQRT1_2]))])
    return this.times(x, this.times(this.plus(share, this.graph.floats([1])), this.graph.floats([0.5])))
  }

  /** `[n, in]` to `[n, out]`. */
  linear(name: string, x: Value): Value {
    const parameters = ['weight', 'bias'].map((part) => this.graph.parameter(`${name}.${part}`))
    return this.graph.node('Gemm', [x, ...parameters], { transB: 1 })
  }

  /** The same of each of the rows `[n, rows, in]`. */
  linearOfRows(name: string, rows: Value): Value {
    const weight = this.graph.node('Transpose', [this.graph.parameter(`${name}.weight`)], { perm: [1, 0] })
    return this.plus(this.graph.node('MatMul', [rows, weight]), this.graph.parameter(`${name}.bias`))
  }

  /** `[n, in]` to `[n, out, 1, 1]`: what goes with every pixel of an image. */
  linearOfImage(name: string, x: Value): Value {
    return this.reshape(this.linear(name, x), [0, -1, 1, 1])
  }

  /** The positions of an image as rows, `[n, height * width, channels]`. */
  rowsOf({ value, channels, height, width }: Image): Value {
    return this.transpose(this.reshape(value, [0, channels, height * width]))
  }

  imageOf(rows: Value, { height, width }: Image, channels: number): Image {
    return {
      value: this.reshape(this.transpose(rows), [0, channels, height, width]),
      channels,
      height,
      width,
    }
  }

  /** A linear map of rows whose weight `W` is stored in x out. */
  ninOfRows(name: string, rows: Value): Value {
    const mapped = this.graph.node('MatMul', [rows, this.graph.parameter(`${name}.W`)])
    return this.plus(mapped, this.graph.parameter(`${name}.b`))
  }

  nin(name: string, x: Image): Image {
    const [, channels = 0] = this.graph.shapeOf(`${name}.W`)
    return this.imageOf(this.ninOfRows(name, this.rowsOf(x)), x, channels)
  }

  /** The mean of the values `[.., positions, width]` by how the queries fit the keys. */
  attention(query: Value, key: Value, value: Value, width: number): Value {
    const logits = this.graph.node('MatMul', [query, this.transpose(key)])
    const scaled = this.times(logits, this.graph.floats([1 / Math.sqrt(width)]))
    return this.graph.node('MatMul', [this.graph.node('Softmax', [scaled], { axis: 2 }), value])
  }

  /** The channels of two images, one's after the other's. */
  beside(a: Image, b: Image): Image {
    const value = this.graph.node('Concat', [a.value, b.value], { axis: 1 })
    return { ...a, value, channels: a.channels + b.channels }
  }

  /** (a + b) * factor */
  sum(a: Image, b: Image, factor = 1): Image {
    const value = this.plus(a.value, b.value)
    return { ...a, value: factor === 1 ? value : this.times(value, this.graph.floats([factor])) }
  }

  /** Doubles or halves the size: with the (1, 3, 3, 1) filter, or by copying and by averaging 2 x 2. */
  resampled(x: Image, how: Resample, fir: boolean): Image {
    if (how === 'none') return x
    if (how === 'down') return fir ? this.filtered(x, 2, 1) : this.halved(x)
    const [height, width] = [2 * x.height, 2 * x.width]
    if (fir) return { ...x, value: this.#doubled(x, 1), height, width }
    const none = '' as Value
    const value = this.graph.node('Resize', [x.value, none, this.graph.floats([1, 1, 2, 2], [4])], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    })
    return { ...x, value, height, width }
  }

  /** With the filter, the image going on beyond its edges as in a mirror. */
  reflected(x: Image, how: 'up' | 'down'): Image {
    const around = this.graph.integers([0, 0, 1, 1, 0, 0, 1, 1])
    const value = this.graph.node('Pad', [x.value, around], { mode: 'reflect' })
    const wider = { ...x, value, height: x.height + 2, width: x.width + 2 }
    if (how === 'down') return this.filtered(wider, 2, 0)
    return { ...x, value: this.#doubled(wider, 3), height: 2 * x.height, width: 2 * x.width }
  }

  /** Squares of so many pixels a side as channels. */
  unshuffled({ value, channels, height, width }: Image, side: number): Image {
    const [down, across, all] = [height / side, width / side, channels * side ** 2]
    const apart = this.reshape(value, [0, channels, down, side, across, side])
    const turned = this.graph.node('Transpose', [apart], { perm: [0, 1, 3, 5, 2, 4] })
    return { value: this.reshape(turned, [0, all, down, across]), channels: all, height: down, width: across }
  }

  /** The other way round. */
  shuffled({ value, channels, height, width }: Image, side: number): Image {
    const shuffled = this.graph.node('DepthToSpace', [value], { blocksize: side, mode: 'CRD' })
    return { value: shuffled, channels: channels / side ** 2, height: height * side, width: width * side }
  }

  halved(x: Image): Image {
    const value = this.graph.node('AveragePool', [x.value], { kernel_shape: [2, 2], strides: [2, 2] })
    return { ...x, value, height: x.height / 2, width: x.width / 2 }
  }

  /** The (1, 3, 3, 1) blur. */
  filtered(x: Image, stride: number, padding: number): Image {
    const value = this.graph.node('Conv', [x.value, this.#filter(x.channels, 1)], {
      ...FILTER,
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      group: x.channels,
    })
    const size = (side: number) => Math.floor((side + 2 * padding - 4) / stride) + 1
    return { ...x, value, height: size(x.height), width: size(x.width) }
  }

  plus(a: Value, b: Value): Value {
    return this.graph.node('Add', [a, b])
  }

  times(a: Value, b: Value): Value {
    return this.graph.node('Mul', [a, b])
  }

  /** @param shape 0: as it is; one may be -1: what is left */
  reshape(x: Value, shape: readonly number[]): Value {
    return this.graph.node('Reshape', [x, this.graph.integers(shape)])
  }

  /** The last two axes of three. */
  transpose(x: Value): Value {
    return this.graph.node('Transpose', [x], { perm: [0, 2, 1] })
  }

  /** Places from `begin` to before `end` of axis 1. */
  slice(x: Value, begin: number, end: number): Value {
    return this.graph.node('Slice', [x, ...[begin, end, 1].map((each) => this.graph.integers([each]))])
  }

  /** With the filter; padding: what is cut off on every side. */
  #doubled({ value, channels }: Image, padding: number): Value {
    const pads = [padding, padding, padding, padding]
    const operation = { ...FILTER, strides: [2, 2], pads, group: channels }
    return this.graph.node('ConvTranspose', [value, this.#filter(channels, 4)], operation)
  }

  /** The filter's outer product, summing to `total`, once a channel. */
  #filter(channels: number, total: number): Value {
    const taps = [1, 3, 3, 1]
    const one = taps.flatMap((a) => taps.map((b) => (total * a * b) / 64))
    return this.graph.floats(new Array(channels).fill(one).flat(), [channels, 1, 4, 4])
  }
}

const FILTER = { kernel_shape: [4, 4] } as const
