import { z } from 'zod'
import { type Fields, number } from '../arguments/schema.js'
import { expectNumber, unexpected } from '../check.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'
import { expectImages, type ImageTensor } from './images.js'
import type { Model } from './model.js'
import { sampleKeys } from './samples.js'

/** Where samples start. */
export interface StartOptions {
  /**
   * Starts `[count, ...itemShape]` at z_max instead of ones drawn from the prior: float32 or float64, finite, and no
   * farther out than 100 upper_norm.
   */
  start?: Tensor
  /**
   * Scales the norms of the starts that are drawn, 0.01 to 100. Far from 1 starts lie where the network was hardly
   * trained. Default 1.
   */
  temperature?: number
  /**
   * Starts at height z, z_min < z <= z_max, around given images instead of on the plane z_max: image i is moved in a
   * uniform direction by a distance drawn from the kernel at z, from seed + i. The lower z, the more of the image
   * stays.
   */
  from?: {
    /** The height. */
    z: number
    /** `[count, ...itemShape]`, around which samples start. */
    images: ImageTensor
  }
}

export const START_FIELDS: Fields<StartOptions> = {
  start: TENSOR,
  temperature: number(0.01, 100),
  from: z.strictObject({ z: z.number(), images: TENSOR }),
}

/** The height that samples start at, and their states there. */
export interface Starts {
  readonly height: number
  start(first: number, count: number): Promise<Tensor<'float64'>>
}

/** The height of the starts: a solver is made for paths from there. */
export function startHeight({ flow }: Model, { from }: StartOptions): number {
  return from?.z ?? flow.far.height
}

/** What a sampling starts from: given points, the surroundings of images, or draws of the prior. */
export async function startsOf(
  model: Model,
  options: StartOptions,
  { count, seed }: { count: number; seed: bigint },
): Promise<Starts> {
  const { start, from, temperature } = options
  const given = Object.entries({ start, from, temperature }).filter(([, value]) => value !== undefined)
  if (given.length > 1) {
    throw new TypeError(
      `Expected one of start, from and temperature but received ${given.map(([name]) => name).join(' and ')}`,
    )
  }
  const height = startHeight(model, options)
  const { flow, network } = model
  if (start) {
    expectCount('starts in start', await expectStarts('start', start, model), count)
    return { height, start: (first, added) => start.slice(first, added) as Promise<Tensor<'float64'>> }
  }
  if (from) {
    expectFrom(model, from)
    expectCount('images in from', expectImages('from.images', from.images, network.itemShape), count)
    return { height, start: (first, added) => around(model, from, sampleKeys(seed, first, added), first) }
  }
  return {
    height,
    start: (first, added) => flow.prior(sampleKeys(seed, first, added), network.dimensions, temperature),
  }
}

/** Points of the perturbation kernel around some of the images, one a key. */
async function around(
  { flow }: Model,
  { z, images }: { z: number; images: ImageTensor },
  keys: BigUint64Array,
  first: number,
): Promise<Tensor<'float64'>> {
  using some: Tensor = await images.slice(first, keys.length)
  return await flow.perturb(some, keys, z)
}

function expectFrom({ flow }: Model, { z }: { z: number }): void {
  const { far, near } = flow
  expectNumber('from.z', z, near.height, far.height)
  if (z === near.height) {
    throw new RangeError(`Expected from.z to be above ${near.name}, ${near.height}, but received ${z}`)
  }
}

function expectCount(what: string, there: number, count: number): void {
  if (there === count) return
  throw new RangeError(`Expected count to be the number of ${what}, ${there}, but received ${count}`)
}

/**
 * Checks that a tensor holds states at a flow's far end: of a float dtype, finite, and no farther out than any start may
 * be. Encodings of unusual images lie beyond upper_norm, so that is no bound.
 * @returns how many
 */
export async function expectStarts(
  name: string,
  starts: Tensor,
  { network, flow }: Model,
  dtypes: readonly string[] = ['float32', 'float64'],
): Promise<number> {
  if (!(starts instanceof Tensor)) throw new TypeError(unexpected(name, 'a tensor', starts))
  const [count = 0, ...shape] = starts.shape
  if (count < 1 || shape.join() !== network.itemShape.join() || !dtypes.includes(starts.dtype)) {
    throw new TypeError(
      `Expected ${name} to be [count, ${network.itemShape.join(', ')}] of ${dtypes.join(' or ')}, as encode gives them for this model, but received [${starts.shape.join(', ')}] of ${starts.dtype}`,
    )
  }
  for (const [i, norm] of (await starts.rowNorms()).entries()) {
    if (!Number.isFinite(norm)) {
      throw new RangeError(`Expected ${name}[${i}] to be finite but received one of norm ${norm}`)
    }
    if (norm <= flow.farthest.norm) continue
    const [most, received] = [flow.farthest.norm, norm].map((value) => Number(value.toPrecision(3)))
    throw new RangeError(
      `Expected ${name}[${i}] to have a norm of at most ${most}, ${flow.farthest.name}, but received ${received}: was it encoded with another model?`,
    )
  }
  return count
}
