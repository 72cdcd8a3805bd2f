import { Tensor } from '../../tensor/tensor.js'

/** The denoised images d(x, z) = x - z v_x / v_z of samples on their way: what each would be if its path went on straight. */
export interface DenoisedImages {
  /** `[rows, ...itemShape]`, data values. */
  readonly images: Tensor<'float64'>
  /** Which sample a row is. */
  readonly samples: readonly number[]
  /** z of each row. */
  readonly heights: Float64Array
}

/** A tensor of the same shape takes the place of the images; nothing leaves them as they are. */
export type Denoiser = (
  denoised: DenoisedImages,
) => DenoisedReplacement | undefined | Promise<DenoisedReplacement | undefined>

type DenoisedReplacement = Tensor<'float32'> | Tensor<'float64'>

/** @throws TypeError unless a hook's answer has a number for each of those that it was given */
export function expectReplacement(answer: unknown, shape: readonly number[]): asserts answer is Tensor {
  const received =
    answer instanceof Tensor ? `[${answer.shape.join(', ')}] of ${answer.dtype}` : typeof answer
  const fits = answer instanceof Tensor && answer.shape.join() === shape.join()
  if (!fits || (answer.dtype !== 'float32' && answer.dtype !== 'float64')) {
    throw new TypeError(
      `Expected onDenoised to return [${shape.join(', ')}] of float32 or float64, or nothing, but received ${received}`,
    )
  }
}
