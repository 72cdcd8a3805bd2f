import type { Denoiser } from '../ode/pool/denoised.js'
import { Tensor } from '../tensor/tensor.js'
import type { Model } from './model.js'

/** What is known of every sample, be it some pixels or what pixels are on average. */
export interface Measurement {
  /** Puts what is known in its place in denoised images, one after another. */
  guide(images: Float64Array): void
  /** The same for finished samples, within the range of pixels where that is possible. */
  settle(samples: Float32Array): void
}

/** @throws RangeError where a model's images are not denoised on their way */
export function expectDenoising({ flow }: Model): void {
  if (!flow.isInTime) return
  throw new RangeError(
    "Expected a model whose images are denoised on their way but received one in coordinates 'published', where they are not",
  )
}

/** Has the path of a sample lead to what is known of it. */
export function denoiserOf(known: Measurement): Denoiser {
  return async ({ images }) => {
    const values = await images.data()
    known.guide(values)
    return Tensor.from<'float64'>(values, images.shape)
  }
}

/** Samples with exactly what is known of them; the given ones are disposed of. */
export async function settled(known: Measurement, drawn: Tensor<'float32'>): Promise<Tensor<'float32'>> {
  using samples = drawn
  const values = await samples.data()
  known.settle(values)
  return await Tensor.from<'float32'>(values, samples.shape)
}
