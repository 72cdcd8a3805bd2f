/** Of |error| over all pixels, in which data values of [-1, 1] are [0, 1]. Infinity where a sample was not finite. */
export interface ErrorFigures {
  readonly mean: number
  /** Standard error of the mean, from the means of the single samples. Infinity with fewer than two. */
  readonly standardError: number
  readonly median: number
  readonly percentile90: number
  readonly percentile99: number
}

/** @param count how many samples the values are of */
export function errorFigures(
  values: ArrayLike<number>,
  converged: ArrayLike<number>,
  count: number,
): ErrorFigures {
  const errors = Float64Array.from(values, (value, i) => pixelError(value, converged[i]!))
  const size = errors.length / count
  const means = Array.from({ length: count }, (_, i) => meanOf(errors.subarray(i * size, (i + 1) * size)))
  const mean = meanOf(errors)
  const variance = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)
  const standardError = Math.sqrt(variance / count)
  errors.sort()
  const quantile = (share: number) => errors[Math.min(errors.length - 1, Math.floor(share * errors.length))]!
  return {
    mean,
    standardError: Number.isNaN(standardError) ? Number.POSITIVE_INFINITY : standardError,
    median: quantile(0.5),
    percentile90: quantile(0.9),
    percentile99: quantile(0.99),
  }
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

export function pixelError(value: number, converged: number): number {
  const error = Math.abs(value - converged) / 2
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
}

/** Values as they are seen: those of images `[channels, height, width]` clipped to [-1, 1]. */
export function seen(values: ArrayLike<number>, itemShape: readonly number[]): ArrayLike<number> {
  if (itemShape.length !== 3) return values
  return Float64Array.from(values, (value) => Math.min(1, Math.max(-1, value)))
}
