/** ln of the area of the unit sphere, 2 pi^(n/2) / Gamma(n/2) in n dimensions. */
export function logSphereArea(n: number): number {
  return Math.log(2) + (n / 2) * Math.log(Math.PI) - logGamma(n / 2)
}

/** ln Gamma(x), x > 0: Stirling's series after shifting the argument beyond 10, accurate to 1e-14. */
export function logGamma(x: number): number {
  let shift = 0
  let y = x
  for (; y < 10; y++) shift += Math.log(y)
  const inverse = 1 / (y * y)
  const series =
    (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / y
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift
}
