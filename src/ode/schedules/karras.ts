/**
 * `steps + 1` heights from `from` to `to`, both included, evenly spaced in z^(1/rho): Karras et al., arXiv 2206.00364,
 * equation 5, with heights in place of noise levels. A larger rho takes shorter steps near the data.
 */
export function karrasHeights(from: number, to: number, steps: number, rho: number): Float64Array {
  const [first, last] = [from ** (1 / rho), to ** (1 / rho)]
  const heights = Float64Array.from(
    { length: steps + 1 },
    (_, i) => (first + (i / steps) * (last - first)) ** rho,
  )
  heights[0] = from
  heights[steps] = to
  return heights
}
