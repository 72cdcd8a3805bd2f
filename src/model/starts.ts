import { expectNumber } from '../check.js'
import { drawPrior } from '../flow/pfgm.js'
import { native } from '../native/native.js'
import type { PoissonFlow, SampleOptions } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import { expectImages } from './ascent.js'
import { sampleKeys } from './samples.js'

/** The height that samples start at, and their states there. */
export interface Starts {
  readonly height: number
  start(first: number, count: number): Promise<Tensor<'float64'>>
}

/** What a sampling starts from: given points, the surroundings of images, or draws of the prior. */
export function startsOf(
  model: PoissonFlow,
  { start, from, temperature }: SampleOptions,
  { count, seed }: { count: number; seed: bigint },
): Starts {
  const { flow } = model.config
  const given = Object.entries({ start, from, temperature }).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    throw new TypeError(
      `Expected one of start, from and temperature but received ${given.map(([name]) => name).join(' and ')}`,
    )
  }
  if (start) {
    return {
      height: flow.zMax,
      start: (first, added) => start.slice(first, added) as Promise<Tensor<'float64'>>,
    }
  }
  if (from) return around(model, from, count, seed)
  const scale = temperature ?? 1
  expectNumber('temperature', scale, 0.01, 100)
  const scaled = { ...flow, zMax: scale * flow.zMax, upperNorm: Math.max(1, scale * flow.upperNorm) }
  const { dimensions } = model.network
  return {
    height: flow.zMax,
    start: (first, added) => drawPrior(sampleKeys(seed, first, added), dimensions, scaled),
  }
}

/** Points of the perturbation kernel at height z around images (arXiv 2302.04265, section 3.2, with D = 1). */
function around(
  model: PoissonFlow,
  { z, images }: NonNullable<SampleOptions['from']>,
  count: number,
  seed: bigint,
): Starts {
  const { zMin, zMax, upperNorm } = model.config.flow
  expectNumber('from.z', z, zMin, zMax)
  if (z === zMin) throw new RangeError(`Expected from.z to be above z_min, ${zMin}, but received ${z}`)
  if (expectImages('from.images', images, model.network.itemShape) !== count) {
    throw new RangeError(
      `Expected count to be the number of images in from, ${images.shape[0]}, but received ${count}`,
    )
  }
  return {
    height: z,
    async start(first, added) {
      using some: Tensor = await images.slice(first, added)
      const keys = sampleKeys(seed, first, added)
      return new Tensor<'float64'>(await native().perturbTo(some.handle, keys, z, upperNorm))
    },
  }
}
