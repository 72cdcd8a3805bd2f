/** The cost of a step between candidates, given the step before it; the first step has none before it. */
export type StepCost = (before: number | undefined, from: number, to: number) => number

/**
 * The way of `steps` steps from the first of `candidates` places to the last that costs least in sum, as places. By
 * dynamic programming, as GITS does (arXiv 2405.11326, section 3.3); there a step's cost is its own alone, here it may
 * depend on the step before it, as a two-step method's error does.
 * @param candidates how many places there are, at least `steps + 1`
 */
export function leastCostWay(candidates: number, steps: number, cost: StepCost): number[] {
  const last = candidates - 1
  const at = (from: number, to: number) => from * candidates + to
  // The least cost of arriving at `to` by a step from `from`, with as many steps as the round says.
  let least = new Float64Array(candidates ** 2).fill(Number.POSITIVE_INFINITY)
  for (let to = 1; to <= last; to++) least[at(0, to)] = cost(undefined, 0, to)
  const cameFrom: Int32Array[] = []
  for (let round = 2; round <= steps; round++) {
    const next = new Float64Array(candidates ** 2).fill(Number.POSITIVE_INFINITY)
    const origin = new Int32Array(candidates ** 2).fill(-1)
    for (let before = 0; before < last; before++) {
      for (let from = before + 1; from < last; from++) {
        const sofar = least[at(before, from)]!
        if (sofar === Number.POSITIVE_INFINITY) continue
        for (let to = from + 1; to <= last; to++) {
          const total = sofar + cost(before, from, to)
          if (total < next[at(from, to)]!) {
            next[at(from, to)] = total
            origin[at(from, to)] = before
          }
        }
      }
    }
    least = next
    cameFrom.push(origin)
  }
  let from = 0
  for (let place = 1; place < last; place++)
    if (least[at(place, last)]! < least[at(from, last)]!) from = place
  const way = [last, from]
  for (const origin of cameFrom.reverse()) way.push(origin[at(way.at(-1)!, way.at(-2)!)]!)
  return way.reverse()
}

/**
 * `steps + 1` heights that lie as those of `base` do but closer together or further apart: at the shares
 * u + sum_m waves[m] sin((m + 1) pi u) of its way, u from 0 to 1, linear in ln z between its heights. Undefined where
 * they would not fall.
 */
export function warpedHeights(
  base: Float64Array,
  steps: number,
  waves: readonly number[],
): Float64Array | undefined {
  const last = base.length - 1
  const heights = Float64Array.from({ length: steps + 1 }, (_, i) => {
    const u = i / steps
    const share = waves.reduce((sum, wave, m) => sum + wave * Math.sin((m + 1) * Math.PI * u), u)
    const place = Math.min(last - 1, Math.max(0, Math.floor(share * last)))
    const [above, below] = [Math.log(base[place]!), Math.log(base[place + 1]!)]
    return Math.exp(above + (share * last - place) * (below - above))
  })
  heights[0] = base[0]!
  heights[steps] = base[last]!
  for (let i = 0; i < steps; i++) if (!(heights[i + 1]! < heights[i]!)) return undefined
  return heights
}
