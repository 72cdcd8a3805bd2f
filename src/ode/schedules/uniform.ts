/** `steps + 1` heights from `from` to `to`, both included, evenly spaced in ln z. */
export function uniformInLogHeight(from: number, to: number, steps: number): Float64Array {
  const heights = Float64Array.from({ length: steps + 1 }, (_, i) =>
    Math.exp(Math.log(from) + (i / steps) * (Math.log(to) - Math.log(from))),
  )
  heights[0] = from
  heights[steps] = to
  return heights
}
