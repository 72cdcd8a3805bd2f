import fc from 'fast-check'

export const GAMMA = 5

/** Sources `[count, n]`, queries x `[queries, n]` at heights z. */
export interface Case {
  n: number
  sources: Float32Array
  x: Float32Array
  z: Float32Array
}

/** Squared distance of a query to a source, in float64. */
export function squaredDistance({ n, sources, x, z }: Case, query: number, source: number): number {
  let square = Math.max(z[query]!, 1e-10) ** 2
  for (let c = 0; c < n; c++) square += (x[query * n + c]! - sources[source * n + c]!) ** 2
  return square
}

/** The target by the formula, one pair at a time in float64. */
export function oracle(one: Case): Float64Array {
  const { n, sources, x, z } = one
  const out = new Float64Array(z.length * (n + 1))
  for (let q = 0; q < z.length; q++) {
    const logs = Array.from(
      { length: sources.length / n },
      (_, i) => (-(n + 1) / 2) * Math.log(squaredDistance(one, q, i)),
    )
    const largest = Math.max(...logs)
    const weights = logs.map((log) => Math.exp(log - largest))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const field = out.subarray(q * (n + 1), (q + 1) * (n + 1))
    for (let c = 0; c < n; c++) {
      for (const [i, weight] of weights.entries())
        field[c]! += (weight / total) * (x[q * n + c]! - sources[i * n + c]!)
    }
    field[n] = Math.max(z[q]!, 1e-10)
    const norm = Math.sqrt(field.reduce((sum, value) => sum + value ** 2, 0))
    for (let c = 0; c <= n; c++) field[c]! *= -Math.sqrt(n) / (norm + GAMMA)
  }
  return out
}

/** Numbers in [-1, 1) that look random but follow from a seed. */
export function noise(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    state ^= state >>> 13
    return (state >>> 0) / 2 ** 31 - 1
  }
}

/** The sizes of cases; `most` is above n x count x queries. */
export interface Sizes {
  n: fc.Arbitrary<number>
  count: fc.Arbitrary<number>
  queries: fc.Arbitrary<number>
  most: number
}

/** Clouds of sources, and queries near them, on them, far away, or between two of them. */
export const casesOf = ({ n, count, queries, most }: Sizes): fc.Arbitrary<Case> =>
  fc
    .record({
      n,
      count,
      queries,
      place: fc.constantFrom('near', 'on', 'far', 'between'),
      cloud: fc.constantFrom('spread', 'duplicates', 'all equal', 'far from the origin', 'flat', 'clusters'),
      height: fc.integer({ min: -10, max: 4 }),
      seed: fc.integer(),
    })
    .filter(({ n, count, queries }) => n * count * queries < most)
    .map(({ n, count, queries, place, cloud, height, seed }) => {
      const random = noise(seed)
      const offset = cloud === 'far from the origin' ? 1000 : 0
      const sources = Float32Array.from({ length: count * n }, () => random() + offset)
      if (cloud === 'all equal') for (let i = 1; i < count; i++) sources.copyWithin(i * n, 0, n)
      if (cloud === 'duplicates')
        for (let i = 0; i + 1 < count; i += 2) sources.copyWithin((i + 1) * n, i * n, (i + 1) * n)
      // Images of one grey each: every product of two of them rounds the same way.
      if (cloud === 'flat') for (let i = 0; i < count; i++) sources.fill(random(), i * n, (i + 1) * n)
      if (cloud === 'clusters')
        for (let i = 3; i < count; i++)
          for (let c = 0; c < n; c++) sources[i * n + c] = sources[(i % 3) * n + c]! + 1e-3 * random()
      const x = new Float32Array(queries * n)
      for (let q = 0; q < queries; q++) {
        const [i, j] = [q % count, (q * 7 + 1) % count]
        // Near a tie, not on it: where two sources cancel exactly, float64 itself has no digits left to compare.
        const share = 0.5 + 0.002 * (1 + Math.abs(random()))
        for (let c = 0; c < n; c++) {
          const here = sources[i * n + c]!
          if (place === 'on') x[q * n + c] = here
          if (place === 'near') x[q * n + c] = here + 0.05 * random()
          if (place === 'far') x[q * n + c] = here + 300 * random()
          if (place === 'between') x[q * n + c] = here * share + sources[j * n + c]! * (1 - share)
        }
      }
      const z = Float32Array.from({ length: queries }, () => 10 ** height * (1.5 + random()))
      return { n, sources, x, z }
    })
