import { optionsSchema } from '../arguments/schema.js'
import { perSampleNorm } from '../ode/error-norm.js'
import type { SampleStatistics } from '../ode/pool/statistics.js'
import { solverByName } from '../ode/solver.js'
import { solverOptions } from '../ode/solver-options.js'
import type { Tensor } from '../tensor/tensor.js'
import { ASCENT_FIELDS, type AscentOptions, ascend, ascentSettings } from './ascent.js'
import { conditionsOf } from './conditions.js'
import { dataState, expectImages, type ImageTensor } from './images.js'
import type { Model } from './model.js'
import { meanEvaluations, sampleKeys } from './samples.js'

/** Each image has its own steps, so its encoding does not depend on who shares its batch. */
export interface EncodeOptions extends AscentOptions {}

export const ENCODE_SCHEMA = optionsSchema<EncodeOptions>(ASCENT_FIELDS)

/** Encodings, and what they cost. */
export interface EncodeResult extends SampleStatistics {
  /** `[count, ...itemShape]`, points on the plane z_max. Yours to dispose of. */
  readonly encodings: Tensor<'float64'>
  /** Mean number of network evaluations an image. */
  readonly nfe: number
}

/** Follows images to the far end of a flow. */
export async function encode(
  model: Model,
  images: ImageTensor,
  options: EncodeOptions,
): Promise<EncodeResult> {
  const { rtol, atol, batchSize } = ascentSettings(options)
  const { itemShape, dimensions } = model.network
  const conditions = conditionsOf(model, options, expectImages('images', images, itemShape))
  const { near, far, jump } = model.flow
  const { states, statistics } = await ascend(model, images, {
    flow: model.sharedFlow(),
    jump,
    shape: itemShape,
    solver: solverByName(solverOptions({ solver: 'rk45', rtol, atol }), near.height, far.height),
    pool: {
      norm: perSampleNorm(dimensions),
      capacity: batchSize,
      signal: options.signal,
      onStep: options.onProgress,
    },
    start: (some) => dataState(some),
    rows: (first, count) => ({ keys: sampleKeys(0n, first, count), ...conditions(first, count) }),
  })
  return { encodings: states, nfe: meanEvaluations(statistics.evaluations), ...statistics }
}
