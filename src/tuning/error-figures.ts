import { native } from '../native/native.js'
import type { Tensor } from '../tensor/tensor.js'

/** Of |error| over all pixels, in which data values of [-1, 1] are [0, 1]. Infinity where a sample was not finite. */
export interface ErrorFigures {
  /** Over the samples of a sample's mean. */
  readonly mean: number
  /** Standard error of the mean, from the means of the single samples. Infinity with fewer than two. */
  readonly standardError: number
  /** Of all pixels. */
  readonly median: number
  /** Nine in ten pixels are off by no more. */
  readonly percentile90: number
  /** All but one in a hundred pixels are off by no more. */
  readonly percentile99: number
}

/**
 * The errors of samples `[count, ...itemShape]` against the converged ones.
 * @param clipped whether they are taken as they are seen, clipped to [-1, 1]
 */
export async function errorFigures(
  samples: Tensor,
  converged: Tensor,
  clipped: boolean,
): Promise<ErrorFigures> {
  const shares = [0.5, 0.9, 0.99]
  const found = await native().pixelErrors(samples.handle, converged.handle, clipped, shares)
  const [median = 0, percentile90 = 0, percentile99 = 0] = found.quantiles
  const mean = meanOf(found.samples)
  const count = found.samples.length
  const variance = found.samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  const standardError = Math.sqrt(variance / count)
  return {
    mean,
    standardError: Number.isNaN(standardError) ? Number.POSITIVE_INFINITY : standardError,
    median,
    percentile90,
    percentile99,
  }
}

/** Mean over the samples of their mean |error|, none counted as more than `most`. */
export async function cappedError(samples: Tensor, converged: Tensor, most: number): Promise<number> {
  const found = await native().pixelErrors(samples.handle, converged.handle, false, [])
  return meanOf(found.samples.map((error) => Math.min(most, error)))
}

/** Whether items are seen clipped to [-1, 1]: images, not points. */
export const isClipped = (itemShape: readonly number[]): boolean => itemShape.length === 3

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length
