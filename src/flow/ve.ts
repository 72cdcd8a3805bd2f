import { z } from 'zod'
import { RISING } from './edm.js'
import type { FlowKind } from './flow.js'
import { discreteIndex, type Sde } from './sde.js'
import { SDE_SETTINGS, sdeFlow } from './sde-flow.js'

/** The variance-exploding SDE (arXiv 2011.13456, section 3.4): sigma_t = sigmaMin (sigmaMax / sigmaMin)^t. */
const veSettingsSchema = z.strictObject({
  /** Which flow. */
  kind: z.literal('ve'),
  /** sigma_min: deviation of the noise at t = 0, above 0 and below sigma_max. */
  sigmaMin: z.number().positive(),
  /** sigma_max: deviation of the noise at t = 1. */
  sigmaMax: z.number().positive(),
  ...SDE_SETTINGS,
})

/**
 * The constants of the variance-exploding SDE (arXiv 2011.13456, section 3.4).
 * @interface
 */
export type VeSettings = Readonly<z.infer<typeof veSettingsSchema>>

/** Published as 0.01 and 50 for images in [0, 1]. */
const DEFAULTS = { sigmaMin: 0.02, sigmaMax: 100, tMin: 1e-5 }

export const VE: FlowKind<VeSettings> = {
  kind: 've',
  schema: veSettingsSchema.refine(...RISING),
  settingsFor: (given: Partial<VeSettings>) => ({ ...DEFAULTS, ...given }),
  create(settings) {
    const { sigmaMin, sigmaMax, likelihoodWeighting } = settings
    const scales = {
      kind: 've',
      sigmaMin,
      sigmaMax,
      likelihoodWeighting: Number(likelihoodWeighting),
    } as const
    return sdeFlow(veSde(settings), settings, scales, sigmaMax)
  },
  output: 'image',
  /** The network gives sigma times the score. */
  denoised: (_, { ops, x, height: sigma, network }) =>
    ops.add(x, ops.multiply(sigma, network(x, ops.log(sigma)).x)),
}

export function veSde({ sigmaMin, sigmaMax }: { sigmaMin: number; sigmaMax: number }): Sde {
  const range = Math.log(sigmaMax / sigmaMin)
  const sigma = (t: number): number => sigmaMin * Math.exp(range * t)
  /** Sigma at discrete time i of n, and 0 before the first. */
  const discrete = (i: number, n: number): number => (i < 0 ? 0 : sigma(n > 1 ? i / (n - 1) : 1))
  const step = (t: number, n: number) => {
    const i = discreteIndex(t, n)
    const [here, next] = [discrete(i, n), discrete(i - 1, n)]
    return { here, next, square: here ** 2 - next ** 2 }
  }
  return {
    signal: () => 1,
    noise: sigma,
    drift: () => 0,
    diffusion: (t) => sigma(t) * Math.sqrt(2 * range),
    height: sigma,
    time: (height) => Math.log(height / sigmaMin) / range,
    discretized: (t, n) => ({ F: 0, G: Math.sqrt(step(t, n).square) }),
    ancestral(t, n) {
      const { here, next, square } = step(t, n)
      return { ofX: 1, ofScore: square, ofNoise: (next / here) * Math.sqrt(square) }
    },
    langevinScale: () => 1,
  }
}
