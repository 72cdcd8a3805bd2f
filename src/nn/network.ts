import { kind, oneOf, optionsSchema, parse, parseOptions, SEED, SWITCH } from '../arguments/schema.js'
import { describe, product } from '../check.js'
import type { NetworkHandle } from '../native/addon.js'
import { DEVICE } from '../native/device.js'
import { NativeObject, native } from '../native/native.js'
import { PRECISIONS, type Precision } from '../native/precision.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'
import { classesOf, itemShape, type NetworkConfig, networkConfigSchema, toNative } from './config.js'

interface CreateOptions {
  seed?: number | bigint
  device?: string
}

interface ForwardOptions {
  byLibtorch?: boolean
  precision?: Precision
}

const FORWARD_SCHEMA = optionsSchema<ForwardOptions>({ byLibtorch: SWITCH, precision: oneOf(PRECISIONS) })
const CREATE_SCHEMA = optionsSchema<CreateOptions>({ seed: SEED, device: DEVICE })

/**
 * A network that maps points (x, z) of the augmented space to their normalised field (v_x, v_z), or noisy images and
 * their noise to images.
 */
export class Network extends NativeObject<NetworkHandle> {
  /** What it is made of. */
  readonly config: NetworkConfig
  /** Number of trained parameters. */
  readonly parameterCount: number
  /** `cpu` or `cuda:N`. */
  readonly device: string

  /** @internal */
  constructor(config: NetworkConfig, handle: NetworkHandle, parameterCount: number, device: string) {
    super(handle)
    this.config = config
    this.parameterCount = parameterCount
    this.device = device
  }

  /**
   * A network with fresh weights, which are a function of the configuration and the seed.
   * @param options.seed 0 to 2^64 - 1. Default 0
   * @param options.device `cpu`, `cuda` or `cuda:N`. Default cpu
   * @throws TypeError or RangeError naming what is wrong in the configuration; PfgmError `ERR_PFGM_DEVICE` for another device
   */
  static async create(config: NetworkConfig, options: CreateOptions = {}): Promise<Network> {
    const whole = parse('config', networkConfigSchema, config)
    const { seed = 0, device = 'cpu' } = parseOptions('Network.create', CREATE_SCHEMA, options)
    const { id, parameterCount } = await native().createNetwork(toNative(whole), seed, device)
    return new Network(whole, id, parameterCount, device)
  }

  /** The shape of one item of x. */
  get itemShape(): number[] {
    return itemShape(this.config)
  }

  /** Number of values of one item: N of the paper. */
  get dimensions(): number {
    return product(this.itemShape)
  }

  /** Raised whenever the weights change: by an update of a training, and by a file that is read into them. */
  get weightsVersion(): number {
    return native().weightsVersion(this.handle)
  }

  /** Name and shape of every parameter, named as in the published checkpoints. */
  parameters(): { name: string; shape: number[] }[] {
    return native().describeState(this.handle)
  }

  /**
   * The field at points (x, z), or an image for each x: then there is no z.
   * @param x `[b, ...itemShape]`
   * @param z `[b]`: heights, taken as at least 1e-10; for an image the number that the flow tells the noise by
   * @param labels `[b]`: classes, -1 for none
   * @param options.byLibtorch by libtorch's operations rather than the package's own, which on a CPU round differently, and
   *   give an item the same bits whatever else is in the batch. Default false.
   * @param options.precision what the products of convolutions are rounded to: of a U-Net on a CPU those between more
   *   than 16 channels, else those that libtorch's autocast rounds. Default float32.
   * @throws TypeError for other shapes and dtypes; RangeError for labels of a network without classes
   */
  async forward(
    x: Tensor<'float32'>,
    z: Tensor<'float32'>,
    labels?: Int32Array,
    options: ForwardOptions = {},
  ): Promise<{ x: Tensor<'float32'>; z?: Tensor<'float32'> }> {
    parse('x', TENSOR, x)
    parse('z', TENSOR, z)
    if (labels !== undefined && classesOf(this.config) === 0) {
      throw new RangeError(
        `Expected no labels for a network without classes but received ${describe(labels)}`,
      )
    }
    const { byLibtorch = false, precision = 'float32' } = parseOptions('forward', FORWARD_SCHEMA, options)
    const field = await native().forward(this.handle, x.handle, z.handle, labels, byLibtorch, precision)
    const image = new Tensor<'float32'>(field.x)
    return field.z ? { x: image, z: new Tensor<'float32'>(field.z) } : { x: image }
  }
}

export const NETWORK = kind<Network>('a network', (value) => value instanceof Network)
