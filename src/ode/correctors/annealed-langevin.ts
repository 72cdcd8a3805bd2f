import type { Corrector } from './corrector.js'

/** e = 2 alpha (snr s)^2, s the deviation of the noise (arXiv 1907.05600, algorithm 1). */
export const ANNEALED_LANGEVIN: Corrector = {
  takesNorms: false,
  stepSize: ({ sde, t, n, snr }) => 2 * sde.langevinScale(t, n) * (snr * sde.noise(t)) ** 2,
}
