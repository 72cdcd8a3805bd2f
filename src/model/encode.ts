import { unexpected } from '../check.js'
import { perSampleNorm } from '../ode/error-norm.js'
import type { SampleStatistics } from '../ode/pool/pool.js'
import { solverByName } from '../ode/solver.js'
import { solverOptions } from '../ode/solver-options.js'
import type { PoissonFlow } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import {
  type AscentOptions,
  ascend,
  ascentSettings,
  dataState,
  expectImages,
  type ImageTensor,
} from './ascent.js'
import { meanEvaluations } from './samples.js'

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

/** The farthest starts that a sampling may have, in units of upper_norm: `temperature` ends there, too. */
const FARTHEST = 100

/**
 * Checks that a tensor holds encodings of a model: float64 `[count, ...itemShape]`, finite, and no farther out than any
 * start may be. Encodings of unusual images lie beyond upper_norm, so that is no bound.
 */
export async function expectEncodings(model: PoissonFlow, encodings: Tensor<'float64'>): Promise<void> {
  if (!(encodings instanceof Tensor)) throw new TypeError(unexpected('encodings', 'a tensor', encodings))
  const { itemShape, dimensions } = model.network
  const [count = 0, ...shape] = encodings.shape
  if (count < 1 || shape.join() !== itemShape.join() || encodings.dtype !== 'float64') {
    throw new TypeError(
      `Expected encodings to be [count, ${itemShape.join(', ')}] of float64, as encode gives them for this model, but received [${encodings.shape.join(', ')}] of ${encodings.dtype}`,
    )
  }
  const farthest = FARTHEST * model.config.flow.upperNorm
  const values = await encodings.data()
  for (let i = 0; i < count; i++) {
    expectStart(`encodings[${i}]`, values.subarray(i * dimensions, (i + 1) * dimensions), farthest)
  }
}

function expectStart(name: string, point: Float64Array, farthest: number): void {
  const notFinite = point.find((value) => !Number.isFinite(value))
  if (notFinite !== undefined) {
    throw new RangeError(`Expected ${name} to be finite but received a value of ${notFinite}`)
  }
  const norm = Math.sqrt(point.reduce((sum, value) => sum + value * value, 0))
  if (norm > farthest) {
    const [most, received] = [farthest, norm].map((value) => Number(value.toPrecision(3)))
    throw new RangeError(
      `Expected ${name} to have a norm of at most ${most}, ${FARTHEST} times the model's upper_norm, but received ${received}: was it encoded with another model?`,
    )
  }
}
