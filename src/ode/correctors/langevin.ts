import type { Corrector } from './corrector.js'

/** e = 2 alpha (snr |normals| / |score|)^2 (arXiv 2011.13456, algorithms 4 and 5). */
export const LANGEVIN: Corrector = {
  takesNorms: true,
  stepSize: ({ sde, t, n, snr, noiseNorm, scoreNorm }) =>
    2 * sde.langevinScale(t, n) * ((snr * noiseNorm) / scoreNorm) ** 2,
}
