import { type ToyKind, toy } from '../data/toys.js'
import { fieldTarget } from '../flow/pfgm.js'
import { energyDistance, energyFloor } from '../metrics/energy-distance.js'
import { Tensor } from '../tensor/tensor.js'
import type { PartOf } from './figures.js'

/** Points that are the charges, of which some are drawn, and lines that are followed, of which some are drawn. */
const CHARGES = 2000
const DRAWN_CHARGES = 400
const LINES = 400
const DRAWN_LINES = 80
/** Where lines begin: the radius of a hemisphere around the charges, which lie within about 1; and where they are drawn. */
const RADIUS = 20
const DRAWN_RADIUS = 2.5
/** How much lower than they begin lines end; those that begin low run along the plane for most of their way. */
const DESCENT = 2000
/** Steps, evenly spaced in ln z: more than the eye can tell from the exact line. */
const STEPS = 300
/** One of so many places is drawn. */
const THINNING = 4
/** Of the field's directions in the plane y = 0: places from the middle to a side, from the ground up, and between two. */
const CUT = { sideways: 10, up: 10, apart: 0.25 }

/** A place in space, [x, y, z]. */
type Place = readonly [number, number, number]

/**
 * Lines of the exact field of points in the plane, from a hemisphere down to them, followed by the midpoint rule in ln z:
 * what PFGM's samples do with a network that has learned the field perfectly.
 */
export async function followField(kind: ToyKind & ('heart' | 'two-moons')): Promise<PartOf<'field'>> {
  const { values } = await toy(kind, { count: CHARGES })
  using charges = await Tensor.from<'float32'>(values as Float32Array, [CHARGES, 2])
  let places = Array.from({ length: LINES }, (_, i) => onHemisphere(i, LINES))
  const lines = places.map((place) => [place])
  const step = -Math.log(DESCENT) / STEPS
  for (let taken = 0; taken < STEPS; taken++) {
    const half = await moved(charges, places, places, step / 2)
    places = await moved(charges, places, half, step)
    for (const [i, place] of places.entries()) lines[i]!.push(place)
  }
  using ends = await Tensor.from(Float32Array.from(places.flatMap((place) => place.slice(0, 2))), [LINES, 2])
  return {
    kind: 'field',
    toy: kind,
    charges: Array.from({ length: DRAWN_CHARGES }, (_, i) => rounded([values[2 * i]!, values[2 * i + 1]!])),
    radius: DRAWN_RADIUS,
    lines: lines.slice(0, DRAWN_LINES).map(drawn),
    arrows: await arrowsOf(charges),
    distance: await energyDistance(ends, charges),
    floor: await energyFloor(charges, LINES, 20),
    ends: LINES,
  }
}

/** Place i of so many that are spread evenly over the hemisphere, whatever their order. */
function onHemisphere(i: number, count: number): Place {
  // Evenly in height, as the sphere's area is; places next to each other in the list are far apart.
  const spread = (i * 157) % count
  const z = ((spread + 0.5) / count) * RADIUS
  const angle = spread * Math.PI * (3 - Math.sqrt(5))
  const across = Math.sqrt(RADIUS ** 2 - z ** 2)
  return [across * Math.cos(angle), across * Math.sin(angle), z]
}

/** Places moved along the field at others, by a step in ln z. */
async function moved(
  charges: Tensor<'float32'>,
  places: readonly Place[],
  at: readonly Place[],
  step: number,
): Promise<Place[]> {
  const v = await fieldAt(charges, at)
  return places.map(([x, y, z], i) => {
    // dx / d(ln z) = z v_x / v_z
    const length = (step * at[i]![2]) / v[i]![2]
    return [x + length * v[i]![0], y + length * v[i]![1], z * Math.exp(step)]
  })
}

/** The normalised field at places, towards the charges. */
async function fieldAt(charges: Tensor<'float32'>, at: readonly Place[]): Promise<Place[]> {
  const flat = Float32Array.from(at.flatMap((place) => place.slice(0, 2)))
  using x = await Tensor.from<'float32'>(flat, [at.length, 2])
  const heights = Float32Array.from(at, ([, , height]) => height)
  using z = await Tensor.from<'float32'>(heights, [at.length])
  using field = await fieldTarget(charges, x, z, 0)
  const v = await field.data()
  return at.map((_, i) => [v[3 * i]!, v[3 * i + 1]!, v[3 * i + 2]!])
}

/** [x, z] in the plane y = 0 and the field's direction there, away from the charges, as far as that plane has a part in it. */
async function arrowsOf(charges: Tensor<'float32'>): Promise<number[][]> {
  const { sideways, up, apart } = CUT
  const places = Array.from({ length: 2 * sideways + 1 }, (_, i) => (i - sideways) * apart).flatMap((x) =>
    Array.from({ length: up }, (_, j): Place => [x, 0, (j + 0.5) * apart]),
  )
  const field = await fieldAt(charges, places)
  return places.map(([x, , z], i) => {
    const [vx, vy, vz] = field[i]!
    const size = Math.hypot(vx, vy, vz)
    return rounded([x, z, -vx / size, -vz / size])
  })
}

/** A line's places as they are drawn, from where it comes near: fewer, and no finer than is seen. */
function drawn(line: readonly Place[]): number[][] {
  const first = line.findIndex((place) => Math.hypot(...place) <= DRAWN_RADIUS)
  const [before, after] = [line[first - 1]!, line[first]!]
  const [far, near] = [Math.hypot(...before), Math.hypot(...after)]
  const share = (far - DRAWN_RADIUS) / (far - near)
  const start = before.map((value, i) => value + share * (after[i]! - value))
  const rest = line.slice(first).filter((_, i, { length }) => i % THINNING === 0 || i === length - 1)
  return [start, ...rest].map(rounded)
}

const rounded = (place: readonly number[]): number[] => place.map((value) => Number(value.toFixed(3)))
