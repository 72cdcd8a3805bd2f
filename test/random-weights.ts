import { product } from '../src/check.js'
import type { Network } from '../src/nn/network.js'
import { giveTensors } from './given-tensors.js'

/** Gives a network weights none of which is 0 or 1, so that each of them counts. */
export async function giveRandomWeights(network: Network, seed: number): Promise<void> {
  const uniform = uniformOf(seed)
  const tensors = network.parameters().map(({ name, shape }) => {
    const values = Float32Array.from({ length: product(shape) }, () => 2 * uniform() - 1)
    const [middle, width] = rangeOf(name, shape)
    return [name, { shape, values: values.map((value) => middle + width * value) }] as const
  })
  await giveTensors(network.handle, Object.fromEntries(tensors))
}

function rangeOf(name: string, shape: readonly number[]): [middle: number, width: number] {
  if (shape.length > 1) return [0, 1 / Math.sqrt(name.endsWith('.W') ? shape[0]! : product(shape.slice(1)))]
  if (/\.W$|freqs$/.test(name)) return [0, 3] // Fourier frequencies
  return /weight$/.test(name) ? [1, 0.3] : [0, 0.3]
}

/** mulberry32 */
function uniformOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
