import { parse } from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { native } from '../native/native.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'

/**
 * The posterior mean of PFGM++ over a batch of data (arXiv 2302.04265, section 3.1), float32 `[b, N]`: the mean of the
 * sources y_i weighted by (|x - y_i|^2 + r^2)^-((N + D)/2). With `D = 1` and r = z the weights are PFGM's.
 * @param sources `[B, ...]`: float32 values, or uint8 pixels v, which stand for v / 127.5 - 1
 * @param x `[b, ...]`
 * @param r `[b]`, the distance from the data's hyperplane in the D extra dimensions
 * @param D the number of extra dimensions
 */
export async function posteriorMean(
  sources: Tensor<'float32'> | Tensor<'uint8'>,
  x: Tensor<'float32'>,
  r: Tensor<'float32'> | Tensor<'float64'>,
  D: number,
): Promise<Tensor<'float32'>> {
  for (const [name, tensor] of Object.entries({ sources, x, r })) parse<Tensor>(name, TENSOR, tensor)
  expectInteger('D', D, 1, 2 ** 31)
  return new Tensor<'float32'>(await native().posteriorMean(sources.handle, x.handle, r.handle, D))
}
