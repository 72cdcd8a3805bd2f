import type { Predictor } from './predictor.js'

/**
 * The step that the data's discretised noising has in closed form, as DDPM takes it (arXiv 2011.13456, appendix F).
 * @throws RangeError where the SDE has none
 */
export const ancestral: Predictor = (sde, t, n) => {
  if (sde.ancestral) return sde.ancestral(t, n)
  throw new RangeError(
    'Expected a flow of kind ve or vp for the solver ancestral: this SDE has no such steps',
  )
}
