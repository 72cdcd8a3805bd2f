import { type ImageSides, imageSizeOf, pictured, sides, sizeAdvice } from '../arguments/image-size.js'
import { product } from '../check.js'
import { itemShape, type NetworkConfig, type UnetConfig } from '../nn/config.js'
import { multiplications } from '../nn/multiplications.js'
import { PRESETS, type Preset, type PresetName, preset } from './presets.js'

/** The preset for data that came without one: by the shape of an item, and by what trains. */
export function presetForData(shape: readonly number[], device: string): PresetName {
  if (shape.length === 1) return 'toy'
  const [channels, ...sides] = shape
  if (Math.max(...sides) <= 16) return 'digits'
  if (shape.join() === '1,28,28') return 'fashion'
  return device !== 'cpu' && channels === 3 ? 'cifar10' : 'small'
}

/** A preset's settings, made to fit items of a shape. */
export function fitPreset(name: PresetName, shape: readonly number[]): Preset {
  const base = preset(name)
  const fitted = withNetwork(base, fitNetwork(base, shape))
  if (!fitted.adapts || fitted.network.kind !== 'unet') return fitted
  return { ...fitted, network: widest(fitted.network, fitted.training.smallBatchSize) }
}

/** Multiplications of a step on its way forwards that an adaptive network may take: 32 x 32 with 32 channels stays below. */
const STEP_BUDGET = 12e9
/** Channels of which three and four times as many, as skips bring together, divide into at most 32 groups, too. */
const WIDTHS = [16, 24, 32, 40, 64] as const

/** The widest network whose steps are within the budget, if only the narrowest is not beyond it. */
function widest(network: UnetConfig, batch: number): UnetConfig {
  const isWithin = (nf: number) => batch * multiplications({ ...network, nf }) <= STEP_BUDGET
  return { ...network, nf: WIDTHS.findLast(isWithin) ?? WIDTHS[0] }
}

/** How wide a network is, and what a preset goes by to say so. */
export interface NetworkWidth {
  /** Channels at full resolution. */
  readonly channels: number
  /** The fewest and the most that the preset takes. */
  readonly range: readonly [number, number]
  /** Multiplications of a step's pictures on their way forwards. */
  readonly multiplications: number
  /** Those that the preset's may take, if only the narrowest does not take more. */
  readonly budget: number
}

/** The width of a network, where the preset's follows the pictures. */
export function widthOf(presetName: string, network: NetworkConfig, batch: number): NetworkWidth | undefined {
  const name = PRESETS.find((each) => each === presetName)
  if (!name || !preset(name).adapts || network.kind !== 'unet') return undefined
  return {
    channels: network.nf,
    range: [WIDTHS[0], WIDTHS.at(-1)!],
    multiplications: batch * multiplications(network),
    budget: STEP_BUDGET,
  }
}

/** A preset with another network, and a batch to fit it where the preset's follows the pictures. */
export function withNetwork(base: Preset, network: NetworkConfig): Preset {
  const { training, adapts } = base
  if (!adapts || !('imageSize' in base.network) || !('imageSize' in network)) return { ...base, network }
  const smallBatchSize = batchFor(training.smallBatchSize, base.network, network)
  return { ...base, network, training: { ...training, smallBatchSize } }
}

function fitNetwork({ network, adapts = false }: Preset, shape: readonly number[]): NetworkConfig {
  const [first = 1] = shape
  if (network.kind === 'unet') return fitUnet(network, imageSides(shape), first, adapts)
  if (shape.length === 1 && 'dimensions' in network) return { ...network, dimensions: first }
  if (network.kind === 'song') {
    const takes = itemShape(network)
    if (takes.join() === shape.join()) return network
    throw new RangeError(
      `Expected items of [${takes.join(', ')}], which the preset's network is for, but received items of ` +
        `[${shape.join(', ')}]: bring them to ${sizeAdvice(sides(network.imageSize))}, or give a network for yours`,
    )
  }
  throw new RangeError(`Expected points for a network of points but received items of [${shape.join(', ')}]`)
}

function imageSides([, height, width, ...more]: readonly number[]): ImageSides {
  if (height !== undefined && width !== undefined && more.length === 0) return [height, width]
  const received = [height, width, ...more].filter((side) => side !== undefined)
  throw new RangeError(
    `Expected images, [channels, height, width], or points, [dimensions], but received items with sides [${received.join(', ')}]`,
  )
}

/** An adaptive network halves the shorter side down to this, others as often as they do at the size they are made for. */
const SMALLEST = 8
/** The lowest level attends from every pixel to every pixel, which is too dear where there are more. */
const MOST_ATTENDED = 32 * 32

function fitUnet(network: UnetConfig, size: ImageSides, channels: number, adapts: boolean): UnetConfig {
  const { chMult } = network
  const halvings = adapts ? halvingsFor(size) : timesEven(size, chMult.length - 1)
  if (lowest(size, halvings) > MOST_ATTENDED && (adapts || halvings < chMult.length - 1)) {
    throw new RangeError(
      'Expected images whose sides can be halved together down to 32 x 32 pixels or fewer but received ' +
        `${pictured(size)}: scale or pad them to ${sizeAdvice(slightlyLarger(size))}`,
    )
  }
  const levels = Array.from({ length: halvings + 1 }, (_, level) => level)
  const side = (level: number) => Math.max(...size) >> level
  // Attention stays at the same depth of the network; an adaptive one attends where CIFAR-10's does, at 16 or just below.
  const attends = (level: number) =>
    adapts
      ? side(level) <= 16 && side(level) > 8
      : network.attnResolutions.includes(Math.max(...sides(network.imageSize)) >> level)
  return {
    ...network,
    channels,
    imageSize: imageSizeOf(size),
    chMult: levels.map((level) => chMult[Math.min(level, chMult.length - 1)]!),
    attnResolutions: levels.filter(attends).map(side),
  }
}

function halvingsFor(size: ImageSides): number {
  const wanted = Math.log2(Math.min(...size) / SMALLEST)
  const needed = Math.log2(product(size) / MOST_ATTENDED) / 2
  return timesEven(size, Math.max(0, Math.ceil(wanted), Math.ceil(needed)))
}

/** How often both sides can be halved. */
function timesEven(size: ImageSides, most: number): number {
  let times = 0
  while (times < most && size.every((side) => (side >> times) % 2 === 0)) times++
  return times
}

/** Pixels that are left. */
function lowest(size: ImageSides, halvings: number): number {
  return product(size) / 4 ** halvings
}

/** The least that sides have to grow for an adaptive network to take them. */
function slightlyLarger(size: ImageSides): ImageSides {
  for (let divisor = 2; ; divisor *= 2) {
    const [height, width] = size.map((side) => Math.ceil(side / divisor) * divisor) as [number, number]
    if (lowest([height, width], halvingsFor([height, width])) <= MOST_ATTENDED) return [height, width]
  }
}

/** As many images a step as have the pixels of a batch of the size that a preset is made for. */
function batchFor(batch: number, madeFor: NetworkConfig, network: NetworkConfig): number {
  const images =
    2 **
    Math.round(
      Math.log2((batch * product(itemShape(madeFor).slice(1))) / product(itemShape(network).slice(1))),
    )
  return Math.min(batch, Math.max(4, images))
}
