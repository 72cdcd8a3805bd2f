import { flowKind, type GivenFlow } from '../flow/kinds.js'
import type { NetworkConfig } from '../nn/config.js'
import { fitPreset, presetForData } from '../train/fit.js'

/** The network that all flows learn with, and a weaker one: NCSNv2's. */
export const NETWORK_NAMES = ['unet', 'refinenet'] as const
export type NetworkName = (typeof NETWORK_NAMES)[number]

/** Channels of the weaker network, in DDPM++'s: so it has three fifths as many weights. */
const REFINENET_SHARE = 0.5
/** What the weaker network's channels are a multiple of. */
const GROUP = 4

/**
 * A network for data, and for what a flow needs of it.
 * @param narrow the width in parts of the preset's
 */
export function networkFor(
  name: NetworkName,
  flow: GivenFlow,
  shape: readonly number[],
  narrow: number,
): NetworkConfig {
  const { network } = fitPreset(presetForData(shape, 'cpu'), shape)
  if (network.kind !== 'unet') throw new Error(`the preset of images has a network of kind ${network.kind}`)
  const { output } = flowKind(flow)!
  const nf = Math.round(network.nf / narrow)
  if (name === 'unet') return { ...network, nf, output }
  const { channels, imageSize } = network
  const weak = GROUP * Math.ceil((nf * REFINENET_SHARE) / GROUP)
  return { kind: 'refinenet', channels, imageSize, nf: weak, output }
}
