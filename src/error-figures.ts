/** Of |error| over all pixels, in which data values of [-1, 1] are [0, 1]. Infinity where a sample was not finite. */
export interface ErrorFigures {
  readonly mean: number
  readonly median: number
  readonly percentile90: number
  readonly percentile99: number
}

export function errorFigures(values: ArrayLike<number>, converged: ArrayLike<number>): ErrorFigures {
  const errors = Float64Array.from(values, (value, i) => pixelError(value, converged[i]!))
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
  errors.sort()
  const quantile = (share: number) => errors[Math.min(errors.length - 1, Math.floor(share * errors.length))]!
  return { mean, median: quantile(0.5), percentile90: quantile(0.9), percentile99: quantile(0.99) }
}

export function pixelError(value: number, converged: number): number {
  const error = Math.abs(value - converged) / 2
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
}

/** Values as they are seen: those of images `[channels, height, width]` clipped to [-1, 1]. */
export function seen(values: ArrayLike<number>, itemShape: readonly number[]): ArrayLike<number> {
  if (itemShape.length !== 3) return values
  return Float64Array.from(values, (value) => Math.min(1, Math.max(-1, value)))
}
