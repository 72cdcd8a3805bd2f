/**
 * Weights w_j for which sum_j w_j p(node_j) is the integral of p for every polynomial p of a degree below the number of
 * nodes, given the integrals of its powers: moments[k] is that of theta^k. They are the integrals of the Lagrange
 * polynomials.
 */
export function interpolatoryWeights(nodes: readonly number[], moments: readonly number[]): number[] {
  const lagrange = nodes.map(() => 0) // coefficients, the constant one first
  return nodes.map((node, j) => {
    lagrange.fill(0)
    lagrange[0] = 1
    let degree = 0
    for (const [i, other] of nodes.entries()) {
      if (i === j) continue
      degree += 1
      timesLinear(lagrange, degree, -other / (node - other), 1 / (node - other))
    }
    return lagrange.reduce((sum, coefficient, k) => sum + coefficient * moments[k]!, 0)
  })
}

/** p(theta) becomes p(theta) (a + b theta), of a degree. */
function timesLinear(p: number[], degree: number, a: number, b: number): void {
  for (let k = degree; k > 0; k--) p[k] = a * p[k]! + b * p[k - 1]!
  p[0]! *= a
}
