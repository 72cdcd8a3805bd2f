/**
 * Weights w_j for which sum_j w_j p(node_j) is the integral of p for every polynomial p of a degree below the number of
 * nodes, given the integrals of its powers: moments[k] is that of theta^k. They are the integrals of the Lagrange
 * polynomials.
 */
export function interpolatoryWeights(nodes: readonly number[], moments: readonly number[]): number[] {
  return nodes.map((node, j) => {
    let lagrange = [1] // coefficients, the constant one first
    for (const [i, other] of nodes.entries()) {
      if (i !== j) lagrange = timesLinear(lagrange, -other / (node - other), 1 / (node - other))
    }
    return lagrange.reduce((sum, coefficient, k) => sum + coefficient * moments[k]!, 0)
  })
}

/** p(theta) (a + b theta) */
function timesLinear(p: readonly number[], a: number, b: number): number[] {
  return Array.from({ length: p.length + 1 }, (_, k) => a * (p[k] ?? 0) + b * (p[k - 1] ?? 0))
}
