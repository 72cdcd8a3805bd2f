import type { FieldLevel } from '../../watch/answers.js'

/** Multiples of it, modulo 1, are spread evenly. */
export const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2

/** A place in the space over the data's plane: x, y and the height. */
export type Place = readonly [number, number, number]

/** A path with how long it is to each of its places. */
export interface Path {
  readonly places: readonly Place[]
  readonly lengths: readonly number[]
}

/**
 * A path from where it comes nearer to the middle of the plane than a radius.
 * @param flat x and y at each height
 */
export function within(flat: readonly number[], heights: readonly number[], radius: number): Path {
  const all = heights.map((height, i): Place => [flat[2 * i]!, flat[2 * i + 1]!, height])
  const places = all.slice(all.findLastIndex((place) => Math.hypot(...place) > radius) + 1)
  let length = 0
  const lengths = places.map((place, i) => {
    if (i > 0) length += Math.hypot(...place.map((value, axis) => value - places[i - 1]![axis]!))
    return length
  })
  return { places, lengths }
}

/** Where one is who has gone so far along a path; at its ends where that is more or less than it is long. */
export function placeAt({ places, lengths }: Path, length: number): Place {
  const after = lengths.findIndex((each) => each >= length)
  if (after < 0) return places.at(-1)!
  if (after === 0) return places[0]!
  const [from, to] = [places[after - 1]!, places[after]!]
  const share = (length - lengths[after - 1]!) / (lengths[after]! - lengths[after - 1]!)
  return between(from, to, share)
}

const between = (from: Place, to: Place, share: number): Place => [
  from[0] + share * (to[0] - from[0]),
  from[1] + share * (to[1] - from[1]),
  from[2] + share * (to[2] - from[2]),
]

/** Where a path is at a height: x and y. */
export function crossing(
  flat: readonly number[],
  heights: readonly number[],
  height: number,
): [number, number] {
  const found = heights.findIndex((each) => each <= height)
  const after = found < 0 ? heights.length - 1 : found
  const before = Math.max(0, after - 1)
  const [high, low] = [heights[before]!, heights[after]!]
  const share = high === low ? 0 : Math.min(1, Math.log(high / height) / Math.log(high / low))
  const at = (axis: number) =>
    flat[2 * before + axis]! + share * (flat[2 * after + axis]! - flat[2 * before + axis]!)
  return [at(0), at(1)]
}

/** The way across a level at a place of it, between those of its grid. */
export function wayAt({ extent, side, ways }: FieldLevel, x: number, y: number): [number, number] {
  const toGrid = (value: number) =>
    Math.min(side - 1.001, Math.max(0, ((value / extent + 1) / 2) * (side - 1)))
  const [column, row] = [toGrid(x), toGrid(y)]
  const [left, low] = [Math.floor(column), Math.floor(row)]
  const [right, up] = [column - left, row - low]
  const value = (axis: number) => {
    const at = (i: number, j: number) => ways[2 * ((low + j) * side + left + i) + axis]!
    return (
      (1 - up) * ((1 - right) * at(0, 0) + right * at(1, 0)) +
      up * ((1 - right) * at(0, 1) + right * at(1, 1))
    )
  }
  return [value(0), value(1)]
}

const STEPS = 24
/** Of a line, in units of the level's extent: what it is long at most, and ways from which on it is about half of that. */
const LONGEST = 0.5
const HALFWAY = 0.12

/** A line along the ways of a level, as it is seen: longer where the way is longer, but not without end. */
export function line(level: FieldLevel, x: number, y: number): [number, number][] {
  const places: [number, number][] = [[x, y]]
  const { extent } = level
  const move = ([fromX, fromY]: readonly [number, number], size: number): [number, number] => {
    const [wayX, wayY] = wayAt(level, fromX, fromY)
    const scale = (size * LONGEST * extent) / STEPS / (Math.hypot(wayX, wayY) + HALFWAY * extent)
    return [scale * wayX, scale * wayY]
  }
  for (let step = 0; step < STEPS; step++) {
    const [fromX, fromY] = places.at(-1)!
    const half = move([fromX, fromY], 0.5)
    const whole = move([fromX + half[0], fromY + half[1]], 1)
    places.push([fromX + whole[0], fromY + whole[1]])
  }
  return places
}

/** Place i of those that are spread evenly over a square from -1 to 1, however many there are. */
export function spread(i: number): [number, number] {
  // Multiples of powers of the root of x^3 = x + 1, which are far from every fraction.
  const root = 1.324717957244746
  const at = (power: number) => 2 * ((0.5 + i / root ** power) % 1) - 1
  return [at(1), at(2)]
}
