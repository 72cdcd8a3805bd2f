import type { Predictor } from './predictor.js'

/** x' = x - (f - g^2 score) / n + g normals / sqrt(n) (arXiv 2011.13456, appendix E). */
export const eulerMaruyama: Predictor = (sde, t, n) => {
  const g = sde.diffusion(t)
  return { ofX: 1 - sde.drift(t) / n, ofScore: g ** 2 / n, ofNoise: g / Math.sqrt(n) }
}
