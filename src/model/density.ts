import { integer, number, optionsSchema } from '../arguments/schema.js'
import { native } from '../native/native.js'
import { Tensor } from '../tensor/tensor.js'
import { ASCENT_FIELDS, type AscentOptions } from './ascent.js'
import { logLikelihood } from './likelihood.js'
import type { Model } from './model.js'

/** On which grid a density is computed, and how finely. */
export interface DensityOptions extends AscentOptions {
  /** Cells along a side of the square, 2 to 4096. Default 96. */
  side?: number
  /** Half the width of the square, which lies around 0. Default 1.25. */
  extent?: number
}

export const DENSITY_SCHEMA = optionsSchema<DensityOptions>({
  ...ASCENT_FIELDS,
  side: integer(2, 4096),
  extent: number(Number.MIN_VALUE, Number.MAX_VALUE),
})

/** A density in the plane. */
export interface DensityResult {
  /**
   * `[side, side]`, p at the middle of each cell with respect to data values: the second axis upward, so that row 0 is
   * the top; 0 where the path has no end. Yours to dispose of.
   */
  readonly density: Tensor<'float64'>
  /** Cells whose path has no end, as the network gives no smooth field there. */
  readonly lost: number
  /** Of the density over the square: 1 where all of the model lies in it and the cells are fine enough. */
  readonly integral: number
  /** Mean number of evaluations of the drift and its divergence a cell. */
  readonly nfe: number
}

export async function densityOnGrid(model: Model, options: DensityOptions): Promise<DensityResult> {
  const { side = 96, extent = 1.25, ...ascent } = options
  const { itemShape } = model.network
  if (itemShape.join() !== '2') {
    throw new TypeError(
      `Expected a model of points in the plane, of shape [2], but received one of [${itemShape.join(', ')}]`,
    )
  }
  using grid = new Tensor<'float64'>(await native().gridPoints(side, extent))
  const { logLikelihoods, nfe } = await logLikelihood(model, grid, {
    ...ascent,
    divergence: 'exact',
    keepNotFinite: true,
  })
  const values = logLikelihoods.map((nats) => (Number.isNaN(nats) ? 0 : Math.exp(nats)))
  const cell = ((2 * extent) / side) ** 2
  return {
    density: await Tensor.from<'float64'>(values, [side, side]),
    lost: logLikelihoods.filter(Number.isNaN).length,
    integral: cell * values.reduce((sum, value) => sum + value, 0),
    nfe,
  }
}
