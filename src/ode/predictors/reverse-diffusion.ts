import type { Predictor } from './predictor.js'

/** The step back in the forward SDE's own discretisation (arXiv 2011.13456, appendix E). */
export const reverseDiffusion: Predictor = (sde, t, n) => {
  const { F, G } = sde.discretized(t, n)
  return { ofX: 1 - F, ofScore: G ** 2, ofNoise: G }
}

/** The same of the probability flow: half the score, and no noise. */
export const reverseDiffusionFlow: Predictor = (sde, t, n) => {
  const { F, G } = sde.discretized(t, n)
  return { ofX: 1 - F, ofScore: G ** 2 / 2, ofNoise: 0 }
}
