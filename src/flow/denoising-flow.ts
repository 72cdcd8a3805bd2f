import { z } from 'zod'
import type { NativeScales } from '../native/addon.js'
import { native } from '../native/native.js'
import type { Network } from '../nn/network.js'
import { Tensor } from '../tensor/tensor.js'
import { Batch, type BatchDraw, nativeDraw } from './batch.js'
import { type DriftOptions, type End, type Flow, NativeFlow } from './flow.js'
import { inferenceOf } from './inference.js'
import type { Sde } from './sde.js'

/**
 * What a step learns: the `image` that was perturbed, as published, or `posterior`, the mean of the batch's images (or of
 * all, where all of the data makes the field) that the perturbed point may come from, which varies less.
 */
export const TARGET = z.enum(['image', 'posterior'])

/** A flow towards a denoised image. */
export interface Denoising {
  readonly far: End
  readonly near: End
  /** How the denoised image is made of what a network gives. */
  readonly scales: NativeScales
  /** Extra dimensions of the perturbation kernel; infinitely many: Gaussian noise. */
  readonly D: number
  /** The kernel's sigma that the prior has. */
  readonly priorSigma: number
  /** ln of the prior's density at a distance from its centre; that of Gaussian noise where it is not given. */
  readonly logPrior?: (radius: number, dimensions: number) => number
  readonly target: z.infer<typeof TARGET>
  /** Whether training draws beta as the published code of PFGM++ does. */
  readonly publishedDraw?: boolean
  readonly sde?: Sde
}

/** The farthest starts that a path may have, in units of the prior's sigma. */
export const FARTHEST = 1e6

/**
 * A flow along dx / d(ln sigma) = x - d(x, sigma), d the denoised image, in coordinates in which x is data and noise of
 * deviation sigma.
 */
export class DenoisingFlow implements Flow {
  readonly heightName = 'sigma'
  readonly endsDenoised = true
  readonly far: End
  readonly near: End
  readonly farthest
  readonly isGaussian: boolean
  readonly sde: Sde | undefined
  readonly #denoising: Denoising

  constructor(denoising: Denoising) {
    const { far, near, priorSigma, D, sde } = denoising
    this.far = far
    this.near = near
    this.farthest = { norm: FARTHEST * priorSigma, name: `${FARTHEST} times the model's largest sigma` }
    this.isGaussian = D === Number.POSITIVE_INFINITY
    this.sde = sde
    this.#denoising = denoising
  }

  async prior(keys: BigUint64Array, dimensions: number, temperature = 1): Promise<Tensor<'float64'>> {
    const { D, priorSigma } = this.#denoising
    return new Tensor<'float64'>(await native().pfgmppPrior(keys, dimensions, temperature * priorSigma, D))
  }

  logPrior(radius: number, dimensions: number, constant: 'exact' | 'published'): number {
    if (constant === 'published') throw onlyPoisson("constant 'published'")
    const { logPrior, priorSigma } = this.#denoising
    return logPrior?.(radius, dimensions) ?? logGaussian(radius, dimensions, priorSigma)
  }

  async perturb(data: Tensor, keys: BigUint64Array, sigma: number): Promise<Tensor<'float64'>> {
    return new Tensor<'float64'>(await native().perturbByKernel(data.handle, keys, sigma, this.#denoising.D))
  }

  drift(network: Network, { published, ...how }: DriftOptions = {}): NativeFlow {
    if (published) throw onlyPoisson('publishedEpsilon')
    const { scales } = this.#denoising
    return new NativeFlow(
      native().createDenoisingFlow(network.handle, { scales, inTime: false, inference: inferenceOf(how) }),
    )
  }

  async batch(data: Tensor, draw: BatchDraw, device: string): Promise<Batch> {
    const { scales, D, target, publishedDraw = false } = this.#denoising
    const settings = { ...nativeDraw(draw), scales, d: D, posterior: target === 'posterior', publishedDraw }
    return new Batch(await native().makeDenoisingBatch(data.handle, settings, device))
  }
}

/** ln of the density of Gaussian noise. */
export function logGaussian(radius: number, dimensions: number, sigma: number): number {
  return (-dimensions / 2) * Math.log(2 * Math.PI * sigma ** 2) - radius ** 2 / (2 * sigma ** 2)
}

/** What is said where only the published code of Poisson flows has something. */
export function onlyPoisson(what: string): RangeError {
  return new RangeError(`Expected no ${what}: only the published code of Poisson flows has it`)
}
