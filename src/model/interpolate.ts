import { integer, optionsSchema } from '../arguments/schema.js'
import { native } from '../native/native.js'
import { solverByName } from '../ode/solver.js'
import { solverOptions } from '../ode/solver-options.js'
import { Tensor } from '../tensor/tensor.js'
import { ASCENT_FIELDS, ascentSettings } from './ascent.js'
import { type EncodeOptions, encode } from './encode.js'
import { expectOne, type ImageTensor } from './images.js'
import type { Model } from './model.js'
import { type Samples, sample } from './sample.js'

/** How many images lie between two, and how finely they are encoded. */
export interface InterpolateOptions extends EncodeOptions {
  /** How many images, both ends included, 2 to 10,000. Default 8. */
  steps?: number
}

export const INTERPOLATE_SCHEMA = optionsSchema<InterpolateOptions>({
  ...ASCENT_FIELDS,
  steps: integer(2, 10_000),
})

/** Samples from points between the encodings of two images. */
export async function interpolate(
  model: Model,
  a: ImageTensor,
  b: ImageTensor,
  { steps = 8, ...options }: InterpolateOptions,
): Promise<Samples> {
  const { itemShape } = model.network
  if (Array.isArray(options.labels) || ArrayBuffer.isView(options.labels)) {
    throw new TypeError('Expected labels to be one class for all images between the two but received several')
  }
  for (const [name, image] of Object.entries({ a, b })) expectOne(name, image, itemShape)
  using ends = await encodeBoth(model, a, b, options)
  using path = await slerp(ends, steps)
  const { rtol, atol } = ascentSettings(options)
  const { far, near } = model.flow
  const solver = solverByName(solverOptions({ solver: 'rk45', rtol, atol }), far.height, near.height)
  return await sample(model, solver, { ...options, start: path })
}

/**
 * `steps` points from one row of `ends` to the other: directions on the great circle through both, evenly spaced in
 * angle, norms evenly spaced.
 * @param ends `[2, ...itemShape]`, points on the plane z_max
 */
async function slerp(ends: Tensor<'float64'>, steps: number): Promise<Tensor<'float64'>> {
  const fractions = Array.from({ length: steps }, (_, i) => i / (steps - 1))
  return new Tensor<'float64'>(await native().slerp(ends.handle, fractions))
}

/** The two images may be of different dtypes, so each is encoded by itself: an encoding does not depend on its batch. */
async function encodeBoth(
  model: Model,
  a: ImageTensor,
  b: ImageTensor,
  options: EncodeOptions,
): Promise<Tensor<'float64'>> {
  const { encodings: first } = await encode(model, a, options)
  using from = first
  const { encodings: second } = await encode(model, b, options)
  using to = second
  return await Tensor.concat([from, to])
}
