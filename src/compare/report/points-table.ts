import { COMPARED } from '../flows.js'
import type { Metric } from '../metrics.js'
import { SAMPLERS } from '../samplers.js'
import { type Table, table } from './html.js'
import type { LinePoint } from './lines.js'
import { distance, evaluations, milliseconds, NOTHING, spread } from './numbers.js'

/** All figures of points, every metric a column. */
export function pointsTable(
  caption: string,
  points: readonly LinePoint[],
  metrics: readonly [string, Metric][],
): string {
  const head = ['flow', 'sampler', 'effort', 'samples a seed', 'evaluations', 'time a sample']
  const rows = points.map((point) => [
    COMPARED[point.flow].title,
    SAMPLERS[point.sampler].title,
    String(point.effort),
    String(point.samples),
    evaluations(point.evaluations),
    milliseconds(point.seconds),
    ...metrics.map(([key]) => measureCell(point, key)),
  ])
  const titles = metrics.map(([, { title }]) => title)
  return table({ caption, head: [...head, ...titles], rows } satisfies Table)
}

/** The mean over the seeds, and each; of a single one its standard error. */
function measureCell({ measures, lost }: LinePoint, key: string): string {
  const found = measures[key]
  if (!found) return lost > 0 ? `${lost} samples without an end` : NOTHING
  if (found.error !== undefined) return spread(found.mean, found.error)
  if (found.each.length < 2) return distance(found.mean)
  return `${distance(found.mean)} (${found.each.map(distance).join(', ')})`
}
