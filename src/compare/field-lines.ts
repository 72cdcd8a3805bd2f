import { type ToyKind, toy } from '../data/toys.js'
import { fieldTarget } from '../flow/pfgm.js'
import { energyDistance, energyFloor } from '../metrics/energy-distance.js'
import { Tensor } from '../tensor/tensor.js'
import type { PartOf } from './figures.js'

/** Points that are the charges, of which some are drawn, and lines that are followed, of which some are drawn. */
const CHARGES = 2000
const DRAWN_CHARGES = 400
const LINES = 400
const DRAWN_LINES = 60
/** Where lines begin: the radius of the hemisphere around the charges, which lie within about 1. */
const RADIUS = 5
/** How much lower than they begin lines end; those that begin low run along the plane for most of their way. */
const DESCENT = 500
/** Steps, evenly spaced in ln z: more than the eye can tell from the exact line. */
const STEPS = 240
/** One of so many places is drawn. */
const THINNING = 6

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
    lines: lines.slice(0, DRAWN_LINES).map(drawn),
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
  using x = await Tensor.from<'float32'>(Float32Array.from(at.flatMap((place) => place.slice(0, 2))), [
    at.length,
    2,
  ])
  using z = await Tensor.from<'float32'>(
    Float32Array.from(at, ([, , height]) => height),
    [at.length],
  )
  using field = await fieldTarget(charges, x, z, 0)
  const v = await field.data()
  return places.map(([px, py, pz], i) => {
    // dx / d(ln z) = z v_x / v_z
    const length = (step * at[i]![2]) / v[3 * i + 2]!
    return [px + length * v[3 * i]!, py + length * v[3 * i + 1]!, pz * Math.exp(step)]
  })
}

/** A line's places as they are drawn: fewer, and no finer than is seen. */
function drawn(line: readonly Place[]): number[][] {
  return line.filter((_, i) => i % THINNING === 0 || i === line.length - 1).map(rounded)
}

const rounded = (place: readonly number[]): number[] => place.map((value) => Number(value.toFixed(3)))
