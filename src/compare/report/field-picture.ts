import { dot, type Place, polyline } from '../../pictures/chart.js'
import type { PartOf } from '../figures.js'

const WIDTH = 520
/** Pixels of a unit. */
const SCALE = 96
/** How much heights and depths are foreshortened, seen from in front and above. */
const [RISE, DEPTH] = [0.9, 0.38]
const MARGIN = 12
/** Places on a circle, and half-circles over it. */
const CIRCLE = 72
const ARCHES = 4
/** Of an arrow, in units, and of its head, in the arrow's length. */
const ARROW = 0.17
const HEAD = 0.4

/** The charges on their plane, and lines of the field from a hemisphere down to them. */
export function linesPicture({ charges, lines, radius, name }: Drawn): string {
  const height = SCALE * radius * (RISE + DEPTH) + 2 * MARGIN
  const seen = ([x = 0, y = 0, z = 0]: readonly number[]): Place => ({
    x: WIDTH / 2 + SCALE * x,
    y: MARGIN + SCALE * (radius * RISE - RISE * z - DEPTH * y),
  })
  // Those behind first.
  const ordered = [...lines].sort((a, b) => b[0]![1]! - a[0]![1]!)
  return svg(height, `Lines of the field from a hemisphere down to the ${name} in the plane below`, [
    ...outlines(radius).map((line) => polyline(line.map(seen), { stroke: 'var(--line)' })),
    ...ordered.map((line) => polyline(line.map(seen), { stroke: 'var(--pfgm)', width: 1.1 })),
    ...ordered.map((line) => dot(seen(line[0]!), 2, 'var(--ink)')),
    ...charges.map((charge) => dot(seen(charge), 1.5, 'var(--ve)')),
  ])
}

/** The hemisphere: its circle on the plane, and arches over it. */
function outlines(radius: number): number[][][] {
  const places = (to: number, at: (angle: number) => number[]) =>
    Array.from({ length: CIRCLE + 1 }, (_, i) => at((to * i) / CIRCLE).map((value) => radius * value))
  const circle = places(2 * Math.PI, (angle) => [Math.cos(angle), Math.sin(angle), 0])
  const arches = Array.from({ length: ARCHES }, (_, i) => {
    const [x, y] = [Math.cos((Math.PI * i) / ARCHES), Math.sin((Math.PI * i) / ARCHES)]
    return places(Math.PI, (angle) => [x * Math.cos(angle), y * Math.cos(angle), Math.sin(angle)])
  })
  return [circle, ...arches]
}

/** The field's directions in the plane through the middle of the charges, which lie below. */
export function directionsPicture({ charges, arrows, radius, name }: Drawn): string {
  const height = SCALE * radius + 2 * MARGIN
  const seen = (x: number, z: number): Place => ({ x: WIDTH / 2 + SCALE * x, y: height - MARGIN - SCALE * z })
  const arrow = ([x = 0, z = 0, dx = 0, dz = 0]: readonly number[]) => {
    const tip = [x + ARROW * dx, z + ARROW * dz] as const
    const barb = (side: number) =>
      seen(tip[0] - HEAD * ARROW * (dx + side * dz * 0.5), tip[1] - HEAD * ARROW * (dz - side * dx * 0.5))
    return polyline([seen(x, z), seen(...tip), barb(1), seen(...tip), barb(-1)], { stroke: 'var(--pfgm)' })
  }
  return svg(height, `Directions of the field in a plane that stands on the ${name}`, [
    polyline([seen(-radius, 0), seen(radius, 0)], { stroke: 'var(--line)' }),
    ...arrows.map(arrow),
    ...charges.map(([x]) => dot(seen(x!, 0), 1.5, 'var(--ve)')),
  ])
}

type Drawn = PartOf<'field'> & { readonly name: string }

function svg(height: number, label: string, marks: readonly string[]): string {
  return [
    `<svg class="field" viewBox="0 0 ${WIDTH} ${height.toFixed(0)}" role="img" aria-label="${label}">`,
    ...marks,
    '</svg>',
  ].join('\n')
}
