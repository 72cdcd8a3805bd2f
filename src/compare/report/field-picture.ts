import { dot, type Place, polyline } from '../../pictures/chart.js'
import type { PartOf } from '../figures.js'

const [WIDTH, HEIGHT] = [520, 440]
/** Pixels of a unit, how much heights and depths are foreshortened, and where the plane's middle lies. */
const SCALE = 46
const [RISE, DEPTH] = [0.86, 0.42]
const [MIDDLE_X, MIDDLE_Y] = [WIDTH / 2, HEIGHT - 120]
/** Half the side of the plane that is drawn. */
const PLANE = 5

/** Seen from in front and above. */
function seen([x = 0, y = 0, z = 0]: readonly number[]): Place {
  return { x: MIDDLE_X + SCALE * (x + 0.25 * y), y: MIDDLE_Y - SCALE * (RISE * z + DEPTH * y) }
}

/** The charges on their plane, and lines of the field from the hemisphere down to them. */
export function fieldPicture({ charges, lines, toy }: PartOf<'field'>): string {
  const corners = [
    [-PLANE, -PLANE],
    [PLANE, -PLANE],
    [PLANE, PLANE],
    [-PLANE, PLANE],
    [-PLANE, -PLANE],
  ]
  const label = `Lines of the field from a hemisphere down to the ${toy} in the plane below`
  return [
    `<svg class="field" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">`,
    polyline(corners.map(seen), { stroke: 'var(--line)' }),
    // Those behind first.
    ...[...lines]
      .sort((a, b) => b[0]![1]! - a[0]![1]!)
      .map((line) => polyline(line.map(seen), { stroke: 'var(--pfgm)', width: 1.2 })),
    ...lines.map((line) => dot(seen(line[0]!), 2.2, 'var(--ink)')),
    ...charges.map((charge) => dot(seen(charge), 1.3, 'var(--ve)')),
    '</svg>',
  ].join('\n')
}
