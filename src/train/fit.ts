import { itemShape, type NetworkConfig, type UnetConfig } from '../nn/config.js'
import { type Preset, type PresetName, preset } from './presets.js'

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
  return withNetwork(base, fitNetwork(base, shape))
}

/** A preset with another network, and a batch to fit it where the preset's follows the pictures. */
export function withNetwork(base: Preset, network: NetworkConfig): Preset {
  const { training, adapts } = base
  if (!adapts || !('imageSize' in base.network) || !('imageSize' in network)) return { ...base, network }
  const smallBatchSize = batchFor(training.smallBatchSize, base.network.imageSize, network.imageSize)
  return { ...base, network, training: { ...training, smallBatchSize } }
}

function fitNetwork({ network, adapts = false }: Preset, shape: readonly number[]): NetworkConfig {
  const [first = 1] = shape
  if (network.kind === 'unet') return fitUnet(network, imageSize(shape), first, adapts)
  if (shape.length === 1 && 'dimensions' in network) return { ...network, dimensions: first }
  if (network.kind === 'song') {
    const takes = itemShape(network)
    if (takes.join() === shape.join()) return network
    throw new RangeError(
      `Expected items of [${takes.join(', ')}], which the preset's network is for, but received items of ` +
        `[${shape.join(', ')}]: bring them to that shape (\`--size ${network.imageSize}\` does it for a folder of ` +
        'pictures), or give a network for yours',
    )
  }
  throw new RangeError(`Expected points for a network of points but received items of [${shape.join(', ')}]`)
}

function imageSize(shape: readonly number[]): number {
  const [, height, width] = shape
  if (shape.length === 3 && height === width) return height!
  const side = Math.min(...shape.slice(1))
  const cure =
    shape.length === 3
      ? `: crop or pad them, to ${side} x ${side} say (\`--size ${side}\` does it for a folder of pictures)`
      : ', [channels, size, size], or points, [dimensions]'
  throw new RangeError(`Expected square images but received items of [${shape.join(', ')}]${cure}`)
}

/** An adaptive network halves down to this size, others as often as they do at the size they are made for. */
const SMALLEST = 8
/** The lowest level attends from every pixel to every pixel: more of them take gigabytes. */
const LARGEST_LOWEST = 48

function fitUnet(network: UnetConfig, size: number, channels: number, adapts: boolean): UnetConfig {
  const { chMult } = network
  const most = adapts ? Math.max(0, Math.ceil(Math.log2(size / SMALLEST))) : chMult.length - 1
  let halvings = 0
  while (halvings < most && (size >> halvings) % 2 === 0) halvings++
  if (size >> halvings > LARGEST_LOWEST && (adapts || halvings < most)) {
    const step = 2 ** Math.ceil(Math.log2(size / LARGEST_LOWEST))
    const next = step * Math.ceil(size / step)
    throw new RangeError(
      `Expected images whose size can be halved down to ${LARGEST_LOWEST} pixels or fewer but received ${size} x ${size}: ` +
        `scale or pad them to ${next} x ${next} (\`--size ${next}\` does it for a folder of pictures)`,
    )
  }
  const levels = Array.from({ length: halvings + 1 }, (_, level) => level)
  // Attention stays at the same depth of the network; an adaptive one attends where CIFAR-10's does, at 16 or just below.
  const attends = (level: number) =>
    adapts
      ? size >> level <= 16 && size >> level > 8
      : network.attnResolutions.includes(network.imageSize >> level)
  return {
    ...network,
    channels,
    imageSize: size,
    chMult: levels.map((level) => chMult[Math.min(level, chMult.length - 1)]!),
    attnResolutions: levels.filter(attends).map((level) => size >> level),
  }
}

/** As many images a step as have the pixels of a batch of the size that a preset is made for. */
function batchFor(batch: number, madeFor: number, size: number): number {
  const images = 2 ** Math.round(Math.log2(batch * (madeFor / size) ** 2))
  return Math.min(batch, Math.max(4, images))
}
