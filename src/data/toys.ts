import { integer, optionsSchema, parseOptions, SEED } from '../arguments/schema.js'
import { expectOneOf } from '../check.js'
import { native } from '../native/native.js'
import type { Dataset } from './dataset.js'

/**
 * The distributions in the plane:
 * - `two-moons`: two interleaved half circles with Gaussian noise across them;
 * - `eight-gaussians`: eight narrow Gaussians whose centres are evenly spaced on a circle of radius 0.8;
 * - `heart`: the filled heart curve, uniform in area.
 */
export const TOY_KINDS = ['two-moons', 'eight-gaussians', 'heart'] as const
/** One of `TOY_KINDS`. */
export type ToyKind = (typeof TOY_KINDS)[number]

/** How many points are drawn. */
export interface ToyOptions {
  /** Number of points, 1 to 2^26. Default 10,000. */
  readonly count?: number
  /** Names the draw, 0 to 2^64 - 1. Default 0. */
  readonly seed?: number | bigint
}

const MAX_COUNT = 2 ** 26

export const TOY_FIELDS = { count: integer(1, MAX_COUNT), seed: SEED }
const SCHEMA = optionsSchema<ToyOptions>(TOY_FIELDS)

/**
 * Points drawn from a distribution in the plane, in or close to [-1, 1] x [-1, 1].
 *
 * A point depends on the seed and its index alone, so more points of the same seed begin with the fewer.
 *
 * @throws TypeError, RangeError where an argument is wrong
 */
export async function toy(kind: ToyKind, options: ToyOptions = {}): Promise<Dataset> {
  const { count = 10_000, seed = 0 } = parseOptions('toy', SCHEMA, options)
  expectOneOf('kind', kind, TOY_KINDS)
  const points = await native().toyPoints(kind, count, seed)
  return { name: kind, shape: [2], count, values: new Float32Array(points), mirror: false }
}
