import { z } from 'zod'
import type { FlowKind } from './flow.js'
import { type Sde, shrinkingSde } from './sde.js'
import { BETA_DEFAULTS, BETA_SETTINGS, GROWING, sdeFlow } from './sde-flow.js'

/** The sub-VP SDE (arXiv 2011.13456, section 3.4), whose noise never exceeds VP's. */
const subvpSettingsSchema = z.strictObject({ kind: z.literal('subvp'), ...BETA_SETTINGS })

export type SubvpSettings = Readonly<z.infer<typeof subvpSettingsSchema>>

export const SUBVP: FlowKind<SubvpSettings> = {
  kind: 'subvp',
  schema: subvpSettingsSchema.refine(...GROWING),
  settingsFor: (given: Partial<SubvpSettings>) => ({ ...BETA_DEFAULTS, ...given }),
  create(settings) {
    const { betaMin, betaMax, likelihoodWeighting } = settings
    const constants = { betaMin, betaMax, likelihoodWeighting: Number(likelihoodWeighting) }
    return sdeFlow(subvpSde(settings), settings, { kind: 'subvp', ...constants }, 1)
  },
  output: 'image',
  embedding: 'positional',
}

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
