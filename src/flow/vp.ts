import { z } from 'zod'
import { discreteBeta, type Sde, shrinkingSde } from './sde.js'
import { BETA_SETTINGS, betaKind } from './sde-flow.js'

/** The variance-preserving SDE (arXiv 2011.13456, section 3.4), whose discretisation is DDPM. */
const vpSettingsSchema = z.strictObject({
  /** Which flow. */
  kind: z.literal('vp'),
  ...BETA_SETTINGS,
})

/**
 * The constants of the variance-preserving SDE (arXiv 2011.13456, section 3.4).
 * @interface
 */
export type VpSettings = Readonly<z.infer<typeof vpSettingsSchema>>

export const VP = betaKind<VpSettings>('vp', vpSettingsSchema, vpSde, {
  /** ln(1 + sigma^2) / 2, without cancellation where sigma is small. */
  depth(ops, sigma) {
    const square = ops.multiply(sigma, sigma)
    const root = ops.sqrt(ops.add(ops.constant(1), square))
    return ops.asinh(ops.divide(square, ops.multiply(ops.constant(2), root)))
  },
  signal: (ops, sigma) =>
    ops.divide(ops.constant(1), ops.sqrt(ops.add(ops.constant(1), ops.multiply(sigma, sigma)))),
})

export function vpSde({ betaMin, betaMax }: { betaMin: number; betaMax: number }): Sde {
  const beta = (t: number, n: number): number => discreteBeta(betaMin, betaMax, t, n)
  return {
    ...shrinkingSde(
      { betaMin, betaMax },
      {
        noise: (L) => Math.sqrt(-Math.expm1(-2 * L)),
        height: (L) => Math.sqrt(Math.expm1(2 * L)),
        depth: (height) => Math.log1p(height ** 2) / 2,
        diffusion: () => 1,
      },
    ),
    discretized: (t, n) => ({ F: Math.sqrt(1 - beta(t, n)) - 1, G: Math.sqrt(beta(t, n)) }),
    ancestral(t, n) {
      const shrunk = Math.sqrt(1 - beta(t, n))
      return { ofX: 1 / shrunk, ofScore: beta(t, n) / shrunk, ofNoise: Math.sqrt(beta(t, n)) }
    },
  }
}
