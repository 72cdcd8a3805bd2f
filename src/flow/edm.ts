import { z } from 'zod'
import type { Denoised } from './arithmetic.js'
import { type Denoising, DenoisingFlow, TARGET } from './denoising-flow.js'
import type { DataSize, FlowKind } from './flow.js'

/** What PFGM++ and EDM share, named and by default as in EDM (arXiv 2206.00364, table 1; ln sigma: section 5). */
export const EDM_SETTINGS = {
  /** sigma_max: where samples start. */
  sigmaMax: z.number().positive(),
  /** sigma_min: where they have arrived, above 0 and below sigma_max. */
  sigmaMin: z.number().positive(),
  /** sigma_data: standard deviation of the data's values, above 0, which inputs and targets of the network are scaled by. */
  sigmaData: z.number().positive(),
  /** P_mean: mean of ln sigma in training. */
  pMean: z.number(),
  /** P_std: standard deviation of ln sigma in training, above 0. */
  pStd: z.number().positive(),
  /** What a step learns: the `image` that was perturbed, or `posterior`, the mean of those that it may have been. */
  target: TARGET.default('image'),
}

/** What they are where they are not given. */
export const edmDefaults = ({ deviation }: DataSize) => ({
  sigmaMax: 80,
  sigmaMin: 0.002,
  pMean: -1.2,
  pStd: 1.2,
  sigmaData: deviation,
})

type SharedSettings = Readonly<z.infer<z.ZodObject<typeof EDM_SETTINGS>>>

/** What sigmas have to be beside each other, and what is said where they are not. */
export const RISING: [
  (settings: { sigmaMin: number; sigmaMax: number }) => boolean,
  { path: string[]; error: string },
] = [({ sigmaMin, sigmaMax }) => sigmaMin < sigmaMax, { path: ['sigmaMin'], error: 'below sigmaMax' }]

/** The flow of their settings, but for its kernel. */
export function edmDenoising(settings: SharedSettings): Omit<Denoising, 'D'> {
  const { sigmaMax, sigmaMin, sigmaData, pMean, pStd, target } = settings
  return {
    far: { height: sigmaMax, name: 'sigma_max' },
    near: { height: sigmaMin, name: 'sigma_min' },
    scales: { kind: 'edm', sigmaData, pMean, pStd },
    priorSigma: sigmaMax,
    target,
  }
}

/** c_skip x + c_out F(c_in x, ln(sigma) / 4). */
export function edmDenoised<V>(
  { sigmaData }: SharedSettings,
  { ops, x, height: sigma, network }: Denoised<V>,
): V {
  const data = ops.constant(sigmaData)
  const variance = ops.multiply(data, data)
  const whole = ops.add(ops.multiply(sigma, sigma), variance)
  const root = ops.sqrt(whole)
  const told = ops.divide(ops.log(sigma), ops.constant(4))
  const given = network(ops.divide(x, root), told).x
  const kept = ops.multiply(x, ops.divide(variance, whole))
  return ops.add(kept, ops.multiply(given, ops.divide(ops.multiply(sigma, data), root)))
}

/** The constants of EDM (arXiv 2206.00364): Gaussian noise, which is PFGM++'s kernel of infinitely many dimensions. */
const edmSettingsSchema = z.strictObject({
  /** Which flow. */
  kind: z.literal('edm'),
  ...EDM_SETTINGS,
})

/**
 * The constants of EDM (arXiv 2206.00364).
 * @interface
 */
export type EdmSettings = Readonly<z.infer<typeof edmSettingsSchema>>

export const EDM: FlowKind<EdmSettings> = {
  kind: 'edm',
  schema: edmSettingsSchema.refine(...RISING),
  settingsFor: (given: Partial<EdmSettings>, data: DataSize) => ({ ...edmDefaults(data), ...given }),
  create: (settings) => new DenoisingFlow({ ...edmDenoising(settings), D: Number.POSITIVE_INFINITY }),
  output: 'image',
  denoised: edmDenoised,
}
