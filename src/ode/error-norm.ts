/**
 * How errors of many numbers become the one number a step is judged by.
 *
 * `sums[i]` is the sum over sample i's N numbers of (error / tolerance)^2; `heightSquares()[i]` is that ratio for its z.
 */
export type ErrorNorm = (sums: Float64Array, heightSquares: () => Float64Array) => Float64Array

/** Each sample by itself: the root mean square over its N numbers. */
export function perSampleNorm(dimensions: number): ErrorNorm {
  return (sums) => sums.map((sum) => Math.sqrt(sum / dimensions))
}

/**
 * The published code's: one root mean square over the whole batch, whose state carries z too, `heightCopies` times a
 * sample. All samples then share their steps.
 */
export function jointNorm(dimensions: number, heightCopies: number): ErrorNorm {
  return (sums, heightSquares) => {
    const squares = heightSquares()
    let total = 0
    for (const [i, sum] of sums.entries()) total += sum + heightCopies * squares[i]!
    const norm = Math.sqrt(total / (sums.length * (dimensions + heightCopies)))
    return new Float64Array(sums.length).fill(norm)
  }
}
