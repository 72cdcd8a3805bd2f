import { expectInteger } from '../check.js'
import { native } from '../native/native.js'
import type { PoissonFlow, SampleResult } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import { expectImages, type ImageTensor } from './ascent.js'
import type { EncodeOptions } from './encode.js'

export interface InterpolateOptions extends EncodeOptions {
  /** How many images, both ends included, 2 to 10,000. Default 8. */
  steps?: number
}

export async function interpolate(
  model: PoissonFlow,
  a: ImageTensor,
  b: ImageTensor,
  { steps = 8, ...options }: InterpolateOptions,
): Promise<SampleResult> {
  const { itemShape } = model.network
  expectInteger('steps', steps, 2, 10_000)
  for (const [name, image] of Object.entries({ a, b })) expectOne(name, image, itemShape)
  using ends = await encodeBoth(model, a, b, options)
  using path = await slerp(ends, steps, itemShape)
  const { rtol = 1e-5, atol = 1e-5, ...rest } = options
  return await model.decode(path, { ...rest, rtol, atol })
}

/**
 * `steps` points from one row of `ends` to the other: directions on the great circle through both, evenly spaced in
 * angle, norms evenly spaced.
 * @param ends `[2, ...itemShape]`, points on the plane z_max
 */
async function slerp(
  ends: Tensor<'float64'>,
  steps: number,
  itemShape: readonly number[],
): Promise<Tensor<'float64'>> {
  const fractions = Array.from({ length: steps }, (_, i) => i / (steps - 1))
  using rows = new Tensor<'float64'>(await native().slerp(ends.handle, fractions))
  return Tensor.from<'float64'>(await rows.data(), [steps, ...itemShape])
}

/** The two images may be of different dtypes, so each is encoded by itself: an encoding does not depend on its batch. */
async function encodeBoth(
  model: PoissonFlow,
  a: ImageTensor,
  b: ImageTensor,
  options: EncodeOptions,
): Promise<Tensor<'float64'>> {
  const { encodings: first } = await model.encode(a, options)
  using from = first
  const { encodings: second } = await model.encode(b, options)
  using to = second
  const both = new Float64Array([...(await from.data()), ...(await to.data())])
  return Tensor.from<'float64'>(both, [2, ...model.network.itemShape])
}

function expectOne(name: string, image: ImageTensor, itemShape: readonly number[]): void {
  if (expectImages(name, image, itemShape) !== 1) {
    throw new TypeError(
      `Expected ${name} to be one image, [${[1, ...itemShape].join(', ')}], but received [${image.shape.join(', ')}]`,
    )
  }
}
