import type { Sde } from '../../flow/sde.js'

/** What the size of a corrector's step is made of. */
export interface CorrectorState {
  readonly sde: Sde
  readonly t: number
  /** Steps over all of the SDE. */
  readonly n: number
  /** Signal-to-noise ratio. */
  readonly snr: number
  /** Norms of the step's normals and of the score. */
  readonly noiseNorm: number
  readonly scoreNorm: number
}

/** The size e of a step of Langevin dynamics, x' = x + e score + sqrt(2 e) normals. */
export interface Corrector {
  stepSize(state: CorrectorState): number
  /** Whether it takes the norms. */
  readonly takesNorms: boolean
}
