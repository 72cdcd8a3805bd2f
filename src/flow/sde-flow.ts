import { z } from 'zod'
import type { Arithmetic, Denoised } from './arithmetic.js'
import { type Denoising, DenoisingFlow, TARGET } from './denoising-flow.js'
import type { Flow, FlowKind } from './flow.js'
import { FlowInTime } from './flow-in-time.js'
import type { Sde } from './sde.js'

/** What the flows of SDEs share. */
export const SDE_SETTINGS = {
  /** epsilon: the time at which samples have arrived, above 0 and below 1. */
  tMin: z.number().positive().lt(1),
  /** Whether training weighs the loss by g^2, so that it bounds the likelihood (arXiv 2101.09258). */
  likelihoodWeighting: z.boolean().default(false),
  /** What a step learns: the `image` that was perturbed, or `posterior`, the mean of those that it may have been. */
  target: TARGET.default('image'),
  /**
   * What paths are followed in: x / signal over its noise (`scaled`), which every solver can, or x in t (`published`), as
   * Runge-Kutta methods can.
   */
  coordinates: z.enum(['scaled', 'published']).default('scaled'),
}

type SdeSettings = Readonly<z.infer<z.ZodObject<typeof SDE_SETTINGS>>>

/** The flow of an SDE: its probability flow, in coordinates x_t / signal(t), in which all solvers follow it. */
export function sdeFlow(
  sde: Sde,
  { tMin, target, coordinates }: SdeSettings,
  scales: Denoising['scales'],
  priorDeviation: number,
): Flow {
  const denoising: Denoising = {
    far: { height: sde.height(1), name: 'sigma at t = 1' },
    near: { height: sde.height(tMin), name: 'sigma at tMin' },
    scales,
    D: Number.POSITIVE_INFINITY,
    priorSigma: priorDeviation / sde.signal(1),
    target,
    sde,
  }
  return coordinates === 'scaled'
    ? new DenoisingFlow(denoising)
    : new FlowInTime(denoising, tMin, priorDeviation)
}

/** What the SDEs share whose drift is -b(t) x / 2, b(t) = betaMin + t (betaMax - betaMin): VP and sub-VP. */
export const BETA_SETTINGS = {
  /** beta_min: b at t = 0, above 0. */
  betaMin: z.number().positive(),
  /** beta_max: b at t = 1, from beta_min to 1000. */
  betaMax: z.number().positive(),
  ...SDE_SETTINGS,
}

/** What the two have to be beside each other, so that signals are told from noise all the way. */
const GROWING: [
  (settings: { betaMin: number; betaMax: number }) => boolean,
  { path: string[]; error: string },
] = [
  ({ betaMin, betaMax }) => betaMin <= betaMax && betaMax <= 1000,
  { path: ['betaMax'], error: 'from betaMin to 1000' },
]

/** As published (arXiv 2011.13456, appendix C and G). */
const BETA_DEFAULTS = { betaMin: 0.1, betaMax: 20, tMin: 1e-3 }

type BetaSettings = Readonly<z.infer<z.ZodObject<typeof BETA_SETTINGS>>> & { readonly kind: 'vp' | 'subvp' }

/** L, half the integral of b, at a height. */
export type DepthAt = <V>(ops: Arithmetic<V>, height: V) => V

/** x - sigma F(e^-L x, 999 t): the network gives the noise. */
function betaDenoised<V>(
  { betaMin, betaMax }: BetaSettings,
  depthAt: DepthAt,
  signalAt: DepthAt,
  { ops, x, height: sigma, network }: Denoised<V>,
): V {
  const depth = depthAt(ops, sigma)
  // The root of L = t (betaMin + t growth / 2) / 2 that is above 0, without cancellation.
  const half = ops.constant(betaMin / 2)
  const square = ops.add(ops.multiply(half, half), ops.multiply(ops.constant(betaMax - betaMin), depth))
  const t = ops.divide(ops.multiply(ops.constant(2), depth), ops.add(half, ops.sqrt(square)))
  const noise = network(ops.multiply(x, signalAt(ops, sigma)), ops.multiply(ops.constant(999), t)).x
  return ops.subtract(x, ops.multiply(sigma, noise))
}

/** The kind of flow that such an SDE is. */
export function betaKind<S extends BetaSettings>(
  kind: S['kind'],
  schema: z.ZodType<S>,
  sdeOf: (settings: S) => Sde,
  { depth, signal }: { depth: DepthAt; signal: DepthAt },
): FlowKind<S> {
  return {
    kind,
    schema: schema.refine(...GROWING),
    settingsFor: (given: Partial<S>) => ({ ...BETA_DEFAULTS, ...given }),
    create(settings) {
      const { betaMin, betaMax, likelihoodWeighting } = settings
      const constants = { betaMin, betaMax, likelihoodWeighting: Number(likelihoodWeighting) }
      return sdeFlow(sdeOf(settings), settings, { kind, ...constants }, 1)
    },
    output: 'image',
    embedding: 'positional',
    denoised: (settings, of) => betaDenoised(settings, depth, signal, of),
  }
}
