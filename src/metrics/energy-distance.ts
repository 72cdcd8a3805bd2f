import { optionsSchema, parse, parseOptions, SIGNAL } from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { native } from '../native/native.js'
import { stoppable } from '../native/stoppable.js'
import { TENSOR, type Tensor } from '../tensor/tensor.js'
import type { Score } from './scores.js'
import { spreadOf } from './spread.js'

/** Images are compared as clipped pixels in [0, 1], points as they are. */
function comparesPixels(data: Tensor): boolean {
  return data.shape.length === 4
}

/** Options of what measures. */
export interface MeasureOptions {
  /** Ends the measuring at once; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const MEASURE_SCHEMA = optionsSchema<MeasureOptions>({ signal: SIGNAL })

/**
 * Energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of samples X to data Y, in Euclidean distances (Szekely and Rizzo, 2013):
 * of images between pixels in [0, 1], clipped, of points as they are. The samples' own
 * diagonal is left out, the data's is kept: a perfect sampler scores 0, and chance may bring it slightly below.
 * @param samples `[n, ...]`
 * @param data of the same shape; float32 values, or uint8 pixels
 * @throws TypeError where shapes differ
 */
export async function energyDistance(
  samples: Tensor,
  data: Tensor,
  options: MeasureOptions = {},
): Promise<number> {
  parse('samples', TENSOR, samples)
  parse('data', TENSOR, data)
  const { signal } = parseOptions('energyDistance', MEASURE_SCHEMA, options)
  signal?.throwIfAborted()
  return stoppable(native().energyDistance(samples.handle, data.handle, comparesPixels(data)), signal)
}

/** The same with its standard error over ten groups of the samples. */
export function energyScore(samples: Tensor, data: Tensor, { signal }: MeasureOptions = {}): Promise<Score> {
  return stoppable(native().energyEstimate(samples.handle, data.handle, comparesPixels(data)), signal)
}

/** More would take days to compare with each other. */
const MOST_DRAWS = 1_000_000

/**
 * What a perfect sampler scores: the distances of `count` draws from the data itself, over several draws. The time grows
 * with the square of `count`.
 * @param count 2 to 1,000,000
 * @param repeats how many times they are drawn, 1 to 1000
 */
export async function energyFloor(
  data: Tensor,
  count: number,
  repeats = 5,
  options: MeasureOptions = {},
): Promise<{ mean: number; deviation: number }> {
  parse('data', TENSOR, data)
  expectInteger('count', count, 2, MOST_DRAWS)
  expectInteger('repeats', repeats, 1, 1000)
  const { signal } = parseOptions('energyFloor', MEASURE_SCHEMA, options)
  signal?.throwIfAborted()
  const values = await stoppable(
    native().energyFloor(data.handle, count, repeats, 0, comparesPixels(data)),
    signal,
  )
  return spreadOf(values)
}
