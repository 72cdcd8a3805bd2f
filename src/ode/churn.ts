/** Noise that is added before every step (arXiv 2206.00364, algorithm 2). */
export interface Churn {
  /** Growth of the height before a step: gamma of the paper where nothing limits it. */
  readonly growth: number
  /** S_min and S_max: the heights between which it grows. */
  readonly from: number
  readonly to: number
  /** S_noise: the deviation of the noise in units of what the height asks for. */
  readonly noise: number
}

/** The height that a step begins at. */
export function raisedHeight({ growth, from, to }: Churn, height: number): number {
  const gamma = height >= from && height <= to ? Math.min(growth, Math.SQRT2 - 1) : 0
  return height * (1 + gamma)
}
