import { z } from 'zod'
import { DENOISING_SETTINGS, DenoisingFlow, denoisingDefaults, RISING } from './denoising-flow.js'
import type { DataSize, FlowKind } from './flow.js'

/** The constants of EDM (arXiv 2206.00364): Gaussian noise, which is PFGM++'s kernel of infinitely many dimensions. */
const edmSettingsSchema = z.strictObject({ kind: z.literal('edm'), ...DENOISING_SETTINGS })

export type EdmSettings = Readonly<z.infer<typeof edmSettingsSchema>>

export const EDM: FlowKind<EdmSettings> = {
  kind: 'edm',
  schema: edmSettingsSchema.refine(...RISING),
  settingsFor: (given: Partial<EdmSettings>, data: DataSize) => ({ ...denoisingDefaults(data), ...given }),
  create(settings) {
    const variance = settings.sigmaMax ** 2
    const logDensity = (radius: number, dimensions: number) =>
      (-dimensions / 2) * Math.log(2 * Math.PI * variance) - radius ** 2 / (2 * variance)
    return new DenoisingFlow(settings, { D: Number.POSITIVE_INFINITY, logDensity })
  },
  output: 'image',
}
