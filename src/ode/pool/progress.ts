import type { DenoisedImages } from './denoised.js'

/** How far a pool's samples are. */
export interface PoolProgress {
  /** Samples that have arrived. */
  readonly finished: number
  /** Samples in the pool. */
  readonly active: number
  /** Samples that were asked for. */
  readonly count: number
  /** How much of all paths is behind, from 0 to 1. */
  readonly fraction: number
  /** Drift evaluations so far, summed over the samples. */
  readonly evaluations: number
  /**
   * The denoised images of the samples in the pool, each of the last evaluation on its path, so that no other is
   * needed; the images are yours to dispose of. To be called before the listener returns.
   */
  denoised(): Promise<DenoisedImages>
}
