import { parse } from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { native } from '../native/native.js'
import { TENSOR, type Tensor } from '../tensor/tensor.js'
import { expectFinite } from './picture-set.js'

/** The items nearest to samples. */
export interface NearestItems {
  /** Of each sample `k` numbers of items, the nearest first. */
  readonly items: number[][]
  /** Their Euclidean distances, of pixels from 0 to 1, clipped. */
  readonly distances: number[][]
}

/**
 * The items of data that each sample is nearest to.
 * @param samples `[n, ...]`
 * @param data of the same shape
 * @param k 1 to as many as there are items
 */
export async function nearestItems(samples: Tensor, data: Tensor, k = 1): Promise<NearestItems> {
  parse('samples', TENSOR, samples)
  parse('data', TENSOR, data)
  expectInteger('k', k, 1, data.shape[0] ?? 1)
  for (const items of [samples, data]) await expectFinite(items)
  const pixels = data.shape.length === 4
  const { rows, distances } = await native().nearestRows(samples.handle, data.handle, k, pixels)
  const ofEach = (values: Float64Array) =>
    Array.from({ length: values.length / k }, (_, i) => [...values.subarray(i * k, (i + 1) * k)])
  return { items: ofEach(rows), distances: ofEach(distances) }
}
