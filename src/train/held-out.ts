import { createCipheriv, createHash } from 'node:crypto'
import { Tensor } from '../tensor/tensor.js'
import type { Labels } from './labels.js'
import type { LoadedData } from './run-config.js'

/** Neighbouring items: the place of the first, and how many. */
type Stretch = readonly [first: number, count: number]

/** What a run learns from, and what it does not. */
export interface Divided {
  readonly training: LoadedData
  readonly heldOut: LoadedData
}

/** @throws RangeError where a share of so many items is none of them, or all */
export function heldOutCount(fraction: number, count: number): number {
  const held = Math.round(fraction * count)
  if (held >= 1 && held < count) return held
  throw new RangeError(
    `Expected validation to be a share that holds out some of ${count} items but not all but received ${fraction}`,
  )
}

/**
 * Holds out a share of the data's items, drawn by the seed alone; both parts keep the order. They are copied: what was mapped is
 * in memory then.
 */
export async function divide(data: LoadedData, fraction: number, seed: bigint): Promise<Divided> {
  const held = drawnPlaces(data.count, heldOutCount(fraction, data.count), seed)
  const part = async (isPart: (place: number) => boolean): Promise<LoadedData> => {
    const stretches = stretchesOf(data.count, isPart)
    return {
      ...data,
      tensor: await rows(data.tensor, stretches),
      count: stretches.reduce((sum, [, count]) => sum + count, 0),
      labels: data.labels && (await labelsAt(data.labels, isPart)),
      expectUnchanged: async () => {},
    }
  }
  return {
    training: await part((place) => held[place] === 0),
    heldOut: await part((place) => held[place] === 1),
  }
}

/** Which of `count` places are among so many that are drawn: 1 for those (Knuth, TAOCP 2, 3.4.2, algorithm S). */
export function drawnPlaces(count: number, drawn: number, seed: bigint): Uint8Array {
  const numbers = randomNumbers(count, seed)
  let wanted = drawn
  return Uint8Array.from({ length: count }, (_, place) => {
    const isDrawn = (numbers.readUInt32LE(4 * place) / 2 ** 32) * (count - place) < wanted
    if (isDrawn) wanted--
    return Number(isDrawn)
  })
}

/** So many of 32 bits: AES's key stream, of a key that the seed gives. */
function randomNumbers(count: number, seed: bigint): Buffer {
  const key = createHash('sha256').update(`held out by ${seed}`).digest().subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(4 * count))
}

function stretchesOf(count: number, isPart: (place: number) => boolean): Stretch[] {
  const stretches: [number, number][] = []
  for (let place = 0; place < count; place++) {
    if (!isPart(place)) continue
    const last = stretches.at(-1)
    if (last !== undefined && last[0] + last[1] === place) last[1]++
    else stretches.push([place, 1])
  }
  return stretches
}

async function rows(tensor: Tensor, stretches: readonly Stretch[]): Promise<Tensor> {
  const parts: Tensor[] = []
  try {
    for (const [first, count] of stretches) parts.push(await tensor.slice(first, count))
    return await Tensor.concat(parts)
  } finally {
    for (const part of parts) part.dispose()
  }
}

async function labelsAt(labels: Labels, isPart: (place: number) => boolean): Promise<Labels> {
  const values = labels.values.filter((_, place) => isPart(place))
  const tensor = await Tensor.from<'int64'>(BigInt64Array.from(values, BigInt), [values.length])
  return { ...labels, values, tensor }
}
