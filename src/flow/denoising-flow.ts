import { z } from 'zod'
import { native } from '../native/native.js'
import type { Network } from '../nn/network.js'
import { Tensor } from '../tensor/tensor.js'
import { Batch, type BatchDraw } from './batch.js'
import { type DataSize, type DriftOptions, type End, type Flow, NativeFlow } from './flow.js'

/** What PFGM++ and EDM share, named and by default as in EDM (arXiv 2206.00364, table 1; ln sigma: section 5). */
export const DENOISING_SETTINGS = {
  /** Where samples start. */
  sigmaMax: z.number().positive(),
  /** Where they have arrived. */
  sigmaMin: z.number().positive(),
  /** Standard deviation of the data's values, which inputs and targets of the network are scaled by. */
  sigmaData: z.number().positive(),
  /** Mean of ln sigma in training. */
  pMean: z.number(),
  /** Standard deviation of ln sigma in training. */
  pStd: z.number().positive(),
}

/** What they are where they are not given. */
export const denoisingDefaults = ({ deviation }: DataSize): DenoisingSettings => ({
  sigmaMax: 80,
  sigmaMin: 0.002,
  pMean: -1.2,
  pStd: 1.2,
  sigmaData: deviation,
})

export type DenoisingSettings = Readonly<z.infer<z.ZodObject<typeof DENOISING_SETTINGS>>>

/** What settings of both have to be beside each other, and what is said where they are not. */
export const RISING: [(settings: DenoisingSettings) => boolean, { path: string[]; error: string }] = [
  ({ sigmaMin, sigmaMax }) => sigmaMin < sigmaMax,
  { path: ['sigmaMin'], error: 'below sigmaMax' },
]

/** How a flow's kernel and its learning differ from EDM's. */
export interface Kernel {
  /** Extra dimensions; infinitely many: Gaussian noise. */
  readonly D: number
  /** ln of its density at sigma_max, at a distance from its centre. */
  logDensity(radius: number, dimensions: number): number
  /** Whether a step learns the mean of all images that a perturbed point may come from, not the one that it came from. */
  readonly posterior?: boolean
  /** Whether training draws beta as the published code does. */
  readonly publishedDraw?: boolean
}

/** The farthest starts that a path may have, in units of sigma_max. */
const FARTHEST = 1e6

/** A flow along dx / d(ln sigma) = x - d(x, sigma), d the denoised image, with the kernel of D extra dimensions. */
export class DenoisingFlow implements Flow {
  readonly heightName = 'sigma'
  readonly endsDenoised = true
  readonly far: End
  readonly near: End
  readonly farthest
  readonly #settings: DenoisingSettings
  readonly #kernel: Kernel

  constructor(settings: DenoisingSettings, kernel: Kernel) {
    const { sigmaMax, sigmaMin } = settings
    this.far = { height: sigmaMax, name: 'sigma_max' }
    this.near = { height: sigmaMin, name: 'sigma_min' }
    this.farthest = { norm: FARTHEST * sigmaMax, name: `${FARTHEST} times the model's sigma_max` }
    this.#settings = settings
    this.#kernel = kernel
  }

  async prior(keys: BigUint64Array, dimensions: number, temperature = 1): Promise<Tensor<'float64'>> {
    const sigma = temperature * this.#settings.sigmaMax
    return new Tensor<'float64'>(await native().pfgmppPrior(keys, dimensions, sigma, this.#kernel.D))
  }

  logPrior(radius: number, dimensions: number, constant: 'exact' | 'published'): number {
    if (constant === 'published') throw onlyPoisson("constant 'published'")
    return this.#kernel.logDensity(radius, dimensions)
  }

  async perturb(data: Tensor, keys: BigUint64Array, sigma: number): Promise<Tensor<'float64'>> {
    return new Tensor<'float64'>(await native().perturbByKernel(data.handle, keys, sigma, this.#kernel.D))
  }

  drift(network: Network, { published, deterministic = false }: DriftOptions = {}): NativeFlow {
    if (published) throw onlyPoisson('publishedEpsilon')
    const { sigmaData } = this.#settings
    return new NativeFlow(native().createPfgmppFlow(network.handle, { sigmaData, deterministic }))
  }

  async batch(data: Tensor, draw: BatchDraw, device: string): Promise<Batch> {
    const { sigmaData, pMean, pStd } = this.#settings
    const { D, posterior = false, publishedDraw = false } = this.#kernel
    const constants = { sigmaData, d: D, logMean: pMean, logDeviation: pStd }
    const settings = { ...draw, ...constants, posterior, publishedDraw }
    return new Batch(await native().makePfgmppBatch(data.handle, settings, device))
  }
}

function onlyPoisson(what: string): RangeError {
  return new RangeError(`Expected no ${what}: only the published code of Poisson flows has it`)
}
