import {
  type AscentOptions,
  ascend,
  ascentSettings,
  dataState,
  expectImages,
  type ImageTensor,
} from './ascent.js'
import { perSampleNorm } from './ode/error-norm.js'
import type { SampleStatistics } from './ode/pool.js'
import { solverByName } from './ode/solver.js'
import { solverOptions } from './ode/solver-options.js'
import type { PoissonFlow } from './poisson-flow.js'
import { meanEvaluations } from './samples.js'
import type { Tensor } from './tensor.js'

/** Each image has its own steps, so its encoding does not depend on who shares its batch. */
export interface EncodeOptions extends AscentOptions {}

export interface EncodeResult extends SampleStatistics {
  /** `[count, ...itemShape]`, points on the plane z_max. Yours to dispose of. */
  readonly encodings: Tensor<'float64'>
  /** Mean number of network evaluations an image. */
  readonly nfe: number
}

export async function encode(
  model: PoissonFlow,
  images: ImageTensor,
  options: EncodeOptions,
): Promise<EncodeResult> {
  const settings = ascentSettings(options)
  const { itemShape, dimensions } = model.network
  expectImages('images', images, itemShape)
  const { zMin, zMax } = model.config.flow
  const { states, statistics } = await ascend(model, images, {
    flow: model.sharedFlow(),
    shape: itemShape,
    solver: solverByName(solverOptions({ rtol: settings.rtol, atol: settings.atol }), zMin, zMax),
    pool: {
      norm: perSampleNorm(dimensions),
      capacity: settings.batchSize,
      signal: options.signal,
      onStep: options.onProgress,
    },
    start: (some) => dataState(some),
  })
  return { encodings: states, nfe: meanEvaluations(statistics.evaluations), ...statistics }
}
