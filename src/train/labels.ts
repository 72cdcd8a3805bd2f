import type { AnyDataset } from '../data/dataset.js'
import { native } from '../native/native.js'
import { classesOf, type NetworkConfig } from '../nn/config.js'
import { Tensor } from '../tensor/tensor.js'

/** The classes of the items that a run learns from. */
export interface Labels {
  /** One an item, and the same as int64. */
  readonly values: Uint8Array
  readonly tensor: Tensor
  /** How many there are. */
  readonly count: number
  readonly classes?: readonly string[]
}

/** The labels of data, where they have any. */
export async function loadLabels({ labels, classes }: AnyDataset): Promise<Labels | undefined> {
  if (labels === undefined) return undefined
  const wide = BigInt64Array.from(labels, BigInt)
  const largest = labels.reduce((most, label) => Math.max(most, label), 0)
  return {
    values: labels,
    tensor: await Tensor.from<'int64'>(wide, [wide.length]),
    count: classes?.length ?? largest + 1,
    ...(classes && { classes }),
  }
}

/** A preset's network that takes the labels of the data. @throws RangeError where the data have none, or it takes none */
export function labelledNetwork(
  network: NetworkConfig,
  data: string,
  labels: Labels | undefined,
): NetworkConfig {
  if (labels === undefined) throw noLabels(data)
  return withLabels(network, labels)
}

/** A network that takes labels of so many classes. @throws RangeError where it takes none */
export function withLabels(network: NetworkConfig, labels: { readonly count: number }): NetworkConfig {
  if ('imageSize' in network && network.kind !== 'refinenet') return { ...network, labels: labels.count }
  throw new RangeError(
    `Expected a network that takes labels (unet, song, dhariwal, ddpm, k-unet) for labels but received one of kind ${network.kind}`,
  )
}

/** Classes that a network learns from labels: a mixture's Gaussians are known without. */
export function labelClassesOf(network: NetworkConfig): number {
  return network.kind === 'gaussians' ? 0 : classesOf(network)
}

/** @throws RangeError where a network takes labels and the data have none, or of more classes */
export function expectLabels(network: NetworkConfig, data: string, labels: Labels | undefined): void {
  const count = labelClassesOf(network)
  if (count === 0) return
  if (labels === undefined) throw noLabels(data)
  if (labels.count <= count) return
  throw new RangeError(
    `Expected labels of at most ${count} classes, as the network takes, but received ${labels.count}`,
  )
}

/** By which a run knows them. */
export function hashOf({ tensor, values }: Labels): Promise<string> {
  return native().hashTensor(tensor.handle, values.length)
}

function noLabels(data: string): RangeError {
  return new RangeError(
    `Expected labels in the data but ${data} has none: sort pictures into a folder a class, or give labels with the data`,
  )
}
