import { native } from '../native/native.js'
import type { Network } from '../nn/network.js'
import { Tensor } from '../tensor/tensor.js'
import type { Batch, BatchDraw } from './batch.js'
import { type Denoising, DenoisingFlow, FARTHEST, logGaussian, onlyPoisson } from './denoising-flow.js'
import { type DriftOptions, type End, type Flow, NativeFlow } from './flow.js'
import { inferenceOf } from './inference.js'

/**
 * The probability flow of an SDE as it was published, x_t itself in t from 1 to tMin (arXiv 2011.13456, section 4.3): for
 * comparisons with published figures. Runge-Kutta methods follow it; what looks at denoised images does not.
 */
export class FlowInTime implements Flow {
  readonly heightName = 't'
  readonly far: End = { height: 1, name: 't = 1' }
  readonly near: End
  readonly isInTime = true
  readonly farthest
  readonly #scales: Denoising['scales']
  /** What networks learn is the same in both coordinates. */
  readonly #scaled: DenoisingFlow
  readonly #deviation: number

  /** @param deviation of the prior */
  constructor(denoising: Denoising, tMin: number, deviation: number) {
    this.near = { height: tMin, name: 'tMin' }
    this.farthest = { norm: FARTHEST * deviation, name: `${FARTHEST} times the prior's deviation` }
    this.#scales = denoising.scales
    this.#scaled = new DenoisingFlow(denoising)
    this.#deviation = deviation
  }

  async prior(keys: BigUint64Array, dimensions: number, temperature = 1): Promise<Tensor<'float64'>> {
    const sigma = temperature * this.#deviation
    return new Tensor<'float64'>(
      await native().pfgmppPrior(keys, dimensions, sigma, Number.POSITIVE_INFINITY),
    )
  }

  logPrior(radius: number, dimensions: number, constant: 'exact' | 'published'): number {
    if (constant === 'published') throw onlyPoisson("constant 'published'")
    return logGaussian(radius, dimensions, this.#deviation)
  }

  async perturb(): Promise<Tensor<'float64'>> {
    throw new RangeError("Expected no images to start from in coordinates 'published': use 'scaled' ones")
  }

  drift(network: Network, { published, ...how }: DriftOptions = {}): NativeFlow {
    if (published) throw onlyPoisson('publishedEpsilon')
    return new NativeFlow(
      native().createDenoisingFlow(network.handle, {
        scales: this.#scales,
        inTime: true,
        inference: inferenceOf(how),
      }),
    )
  }

  batch(data: Tensor, draw: BatchDraw, device: string): Promise<Batch> {
    return this.#scaled.batch(data, draw, device)
  }
}
