import { parse } from '../arguments/schema.js'
import { native } from '../native/native.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'

/**
 * A density as a grey image `[1, 1, height, width]` with values in [-1, 1]: white is 0, and the mean density that a
 * sample meets is dark. Yours to dispose of.
 * @param density `[height, width]`, row 0 at the top, as `PoissonFlow.density` gives it
 * @throws TypeError for another shape or dtype
 */
export async function densityImage(density: Tensor<'float64'>): Promise<Tensor<'float32'>> {
  parse('density', TENSOR, density)
  if (density.shape.length !== 2 || (density.dtype as string) !== 'float64') {
    throw new TypeError(
      `Expected density to be [height, width] of float64 but received [${density.shape.join(', ')}] of ${density.dtype}`,
    )
  }
  return new Tensor<'float32'>(await native().densityShades(density.handle))
}
