import { z } from 'zod'
import { parse } from '../arguments/schema.js'
import { expectNumber } from '../check.js'
import { native } from '../native/native.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'
import { DenoisingFlow } from './denoising-flow.js'
import { EDM_SETTINGS, edmDefaults, edmDenoised, edmDenoising, RISING } from './edm.js'
import type { DataSize, FlowKind } from './flow.js'
import { logGamma } from './sphere.js'

/** The constants of PFGM++ (arXiv 2302.04265): sigma is r / sqrt(D), r the distance from the data's hyperplane. */
const pfgmppSettingsSchema = z.strictObject({
  /** Which flow. */
  kind: z.literal('pfgmpp'),
  /** D: number of extra dimensions, from 1 to 2^31, also no whole number. */
  D: z
    .number()
    .min(1)
    .max(2 ** 31),
  ...EDM_SETTINGS,
  /**
   * How training draws the noise's radius: as the `paper` says, or as the `published` code does, which keeps beta in
   * [.001, .999] and so, with small D, most points from far away.
   */
  draw: z.enum(['paper', 'published']),
})

/**
 * The constants of PFGM++ (arXiv 2302.04265).
 * @interface
 */
export type PfgmppSettings = Readonly<z.infer<typeof pfgmppSettingsSchema>>

export const PFGMPP: FlowKind<PfgmppSettings> = {
  kind: 'pfgmpp',
  schema: pfgmppSettingsSchema.refine(...RISING),
  settingsFor: (given: Partial<PfgmppSettings>, data: DataSize) => ({
    D: 128,
    draw: 'paper',
    ...edmDefaults(data),
    ...given,
  }),
  create(settings) {
    const { D, sigmaMax, draw } = settings
    return new DenoisingFlow({
      ...edmDenoising(settings),
      D,
      logPrior: (radius, dimensions) => logKernel(radius, dimensions, sigmaMax, D),
      publishedDraw: draw === 'published',
    })
  },
  output: 'image',
  denoised: edmDenoised,
}

/** ln of the kernel's density (|x|^2 + r^2)^-((N + D)/2), normalised: Student's t of D degrees, scaled by sigma. */
function logKernel(radius: number, dimensions: number, sigma: number, D: number): number {
  const scale = D * sigma ** 2
  const half = (dimensions + D) / 2
  const constant = logGamma(half) - logGamma(D / 2) - (dimensions / 2) * Math.log(Math.PI * scale)
  return constant - half * Math.log1p(radius ** 2 / scale)
}

/**
 * The posterior mean of PFGM++ over a batch of data (arXiv 2302.04265, section 3.1), float32 `[b, N]`: the mean of the
 * sources y_i weighted by (|x - y_i|^2 + r^2)^-((N + D)/2). With `D = 1` and r = z the weights are PFGM's. With infinite
 * D they are EDM's, exp(-|x - y_i|^2 / (2 r^2)), and r is sigma.
 * @param sources `[B, ...]`: float32 values, or uint8 pixels v, which stand for v / 127.5 - 1
 * @param x `[b, ...]`
 * @param r `[b]`, the distance from the data's hyperplane in the D extra dimensions
 * @param D the number of extra dimensions, at least 1, also no whole number
 * @throws TypeError for other shapes and dtypes, RangeError for another D
 */
export async function posteriorMean(
  sources: Tensor<'float32'> | Tensor<'uint8'>,
  x: Tensor<'float32'>,
  r: Tensor<'float32'> | Tensor<'float64'>,
  D: number,
): Promise<Tensor<'float32'>> {
  for (const [name, tensor] of Object.entries({ sources, x, r })) parse<Tensor>(name, TENSOR, tensor)
  expectNumber('D', D, 1, Number.POSITIVE_INFINITY)
  return new Tensor<'float32'>(await native().posteriorMean(sources.handle, x.handle, r.handle, D))
}
