import { Tensor } from '../tensor/tensor.js'

/**
 * A density as a grey image `[1, 1, height, width]` with values in [-1, 1]: white is 0, and the mean density that a
 * sample meets is dark. Yours to dispose of.
 * @param density `[height, width]`, row 0 at the top
 */
export async function densityImage(density: Tensor<'float64'>): Promise<Tensor<'float32'>> {
  const values = await density.data()
  // A sample meets p with density p.
  const total = values.reduce((sum, p) => sum + p, 0)
  const typical = total > 0 ? values.reduce((sum, p) => sum + p * p, 0) / total : 1
  const shades = Float32Array.from(values, (p) => 2 * Math.exp((-1.5 * p) / typical) - 1)
  return Tensor.from<'float32'>(shades, [1, 1, ...density.shape])
}
