/**
 * An SDE dx = f dt + g dw, 0 <= t <= 1, whose x_t is signal(t) y and noise of deviation noise(t) (arXiv 2011.13456), as
 * samplers with noise follow it back. Heights of its flow are noise / signal.
 */
export interface Sde {
  /** What of the data is left at a time. */
  signal(t: number): number
  /** The deviation of the noise at a time. */
  noise(t: number): number
  /** f / x. */
  drift(t: number): number
  /** g. */
  diffusion(t: number): number
  /** noise / signal. */
  height(t: number): number
  /** When noise / signal is that. */
  time(height: number): number
  /** The step back from a time in a discretisation of n steps: x' = x - F + G^2 score + G normals, F over x. */
  discretized(
    t: number,
    n: number,
  ): {
    /** What of x is taken away. */
    F: number
    /** Deviation of the noise that is added. */
    G: number
  }
  /** The same in closed form given the data, where the discretisation has one (arXiv 2011.13456, appendix F). */
  ancestral?(t: number, n: number): ScoreStep
  /** What the size of a Langevin step is scaled by: 1, or alpha of the discretisation. */
  langevinScale(t: number, n: number): number
}

/** A step x' = ofX x + ofScore score + ofNoise normals. */
export interface ScoreStep {
  /** Weight of x. */
  readonly ofX: number
  /** Weight of the score. */
  readonly ofScore: number
  /** Weight of the normals. */
  readonly ofNoise: number
}

/** Which of n discrete times a time is. */
export function discreteIndex(t: number, n: number): number {
  // A hair more, as times are rounded.
  return Math.min(Math.floor(t * (n - 1) + 1e-7), n - 1)
}

/** What VP and sub-VP differ in, as functions of L: half the integral of b from 0 to t, by which signals have shrunk as exp(-L). */
export interface Shrinking {
  noise(L: number): number
  height(L: number): number
  /** The L of a height. */
  depth(height: number): number
  /** g^2 / b. */
  diffusion(L: number): number
}

/** An SDE with the drift -b(t) x / 2, b(t) = betaMin + t (betaMax - betaMin). */
export function shrinkingSde(
  { betaMin, betaMax }: { betaMin: number; betaMax: number },
  form: Shrinking,
): Sde {
  const growth = betaMax - betaMin
  const beta = (t: number): number => betaMin + t * growth
  const depth = (t: number): number => (t * (betaMin + (t * growth) / 2)) / 2
  const diffusion = (t: number): number => Math.sqrt(beta(t) * form.diffusion(depth(t)))
  return {
    signal: (t) => Math.exp(-depth(t)),
    noise: (t) => form.noise(depth(t)),
    drift: (t) => -beta(t) / 2,
    diffusion,
    height: (t) => form.height(depth(t)),
    time(height) {
      const [L, half] = [form.depth(height), betaMin / 2]
      return (2 * L) / (half + Math.sqrt(half ** 2 + growth * L))
    },
    discretized: (t, n) => ({ F: -beta(t) / 2 / n, G: diffusion(t) / Math.sqrt(n) }),
    langevinScale: (t, n) => 1 - discreteBeta(betaMin, betaMax, t, n),
  }
}

/** beta of the n discrete steps of VP: from betaMin / n to betaMax / n. */
export function discreteBeta(betaMin: number, betaMax: number, t: number, n: number): number {
  const share = n > 1 ? discreteIndex(t, n) / (n - 1) : 1
  return (betaMin + share * (betaMax - betaMin)) / n
}
