import { z } from 'zod'
import { type Sde, shrinkingSde } from './sde.js'
import { BETA_SETTINGS, betaKind } from './sde-flow.js'

/** The sub-VP SDE (arXiv 2011.13456, section 3.4), whose noise never exceeds VP's. */
const subvpSettingsSchema = z.strictObject({
  /** Which flow. */
  kind: z.literal('subvp'),
  ...BETA_SETTINGS,
})

/**
 * The constants of the sub-VP SDE (arXiv 2011.13456, section 3.4).
 * @interface
 */
export type SubvpSettings = Readonly<z.infer<typeof subvpSettingsSchema>>

export const SUBVP = betaKind<SubvpSettings>('subvp', subvpSettingsSchema, subvpSde, {
  depth: (ops, sigma) => ops.asinh(ops.divide(sigma, ops.constant(2))),
  /** e^-asinh(sigma / 2) */
  signal(ops, sigma) {
    const half = ops.divide(sigma, ops.constant(2))
    const root = ops.sqrt(ops.add(ops.constant(1), ops.multiply(half, half)))
    return ops.divide(ops.constant(1), ops.add(root, half))
  },
})

export function subvpSde({ betaMin, betaMax }: { betaMin: number; betaMax: number }): Sde {
  return shrinkingSde(
    { betaMin, betaMax },
    {
      noise: (L) => -Math.expm1(-2 * L),
      height: (L) => 2 * Math.sinh(L),
      depth: (height) => Math.asinh(height / 2),
      diffusion: (L) => -Math.expm1(-4 * L),
    },
  )
}
