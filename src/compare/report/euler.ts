import type { Figures } from '../figures.js'
import { COMPARED, type ComparedFlow, FLOW_NAMES, SDE_FLOWS } from '../flows.js'
import { METRICS, QUALITY } from '../metrics.js'
import { SAMPLERS, type SamplerName } from '../samplers.js'
import { chart } from './chart.js'
import { table } from './html.js'
import { chanceFor, lineOf, qualityOf } from './lines.js'
import { distance } from './numbers.js'
import type { Section, Verdict } from './section.js'

/** Steps at which flows are judged: few. */
const FEW = 10

interface EulerLine {
  readonly flow: ComparedFlow
  readonly sampler: SamplerName
  readonly name: string
  /** By steps: distance. */
  readonly points: ReadonlyMap<number, number | undefined>
}

export function eulerSection(figures: Figures): Section {
  const lines = linesOf(figures)
  const steps = [...new Set(lines.flatMap(({ points }) => [...points.keys()]))].sort((a, b) => a - b)
  return {
    id: 'euler',
    title: 'Quality against the number of Euler steps',
    claim:
      'With the plain Euler method PFGM loses little quality when its steps are few and long, less than the ODEs of VE and VP do. And of PFGM++, the smaller D is, the more robust is the flow to long steps; diffusion, at infinite D, is the least.',
    source: 'PFGM, arXiv 2209.11178, section 4.3; PFGM++, arXiv 2302.04265, section 6.2',
    rule: [
      `${SAMPLERS.euler.rule}. VE and VP are drawn twice: ${SAMPLERS['euler-in-time'].rule} (dashed); and, as all solvers of this package follow them, in x over its signal (solid).`,
      `Flows are compared at ${FEW} steps, and by what they lose from the most steps to those.`,
    ],
    content: [
      chart({
        title: 'Distance to the data against Euler steps',
        label:
          'Lines of all flows: distance to the data against the number of Euler steps. The table below has the figures.',
        x: 'Euler steps',
        y: METRICS[QUALITY]!.title,
        lines: lines.map(({ flow, sampler, name, points }) => ({
          name,
          colour: flow,
          ...(sampler === 'euler-in-time' && { dashes: [6, 4] }),
          points: [...points].flatMap(([x, y]): [number, number][] => (y === undefined ? [] : [[x, y]])),
        })),
        level: { value: chanceFor(figures, 'euler'), name: 'chance' },
      }),
      table({
        caption: `${METRICS[QUALITY]!.title} by Euler steps`,
        head: ['flow', ...steps.map((each) => `${each} steps`)],
        rows: lines.map(({ name, points }) => [name, ...steps.map((each) => distance(points.get(each)))]),
      }),
    ],
    ...judged(lines, steps.at(-1) ?? FEW, chanceFor(figures, 'euler')),
  }
}

function linesOf(figures: Figures): EulerLine[] {
  const line = (flow: ComparedFlow, sampler: SamplerName): EulerLine => ({
    flow,
    sampler,
    name: `${COMPARED[flow].title}${sampler === 'euler-in-time' ? ', x in t' : ''}`,
    points: new Map(lineOf(figures, flow, sampler).map((point) => [point.effort, qualityOf(point)])),
  })
  return [
    ...FLOW_NAMES.map((flow) => line(flow, 'euler')),
    ...SDE_FLOWS.map((flow) => line(flow, 'euler-in-time')),
  ]
}

function judged(
  lines: readonly EulerLine[],
  most: number,
  chance: number,
): { found: string; verdict: Verdict } {
  const at = (flow: ComparedFlow, steps: number, sampler: SamplerName = 'euler') =>
    lines.find((line) => line.flow === flow && line.sampler === sampler)?.points.get(steps)
  const lossOf = (flow: ComparedFlow, sampler?: SamplerName) => {
    const [few, many] = [at(flow, FEW, sampler), at(flow, most, sampler)]
    return few === undefined || many === undefined ? undefined : few - many
  }
  const pfgm = lossOf('pfgm')
  const others = SDE_FLOWS.map((flow) => lossOf(flow, 'euler-in-time'))
  const scaled = SDE_FLOWS.map((flow) => lossOf(flow))
  if (pfgm === undefined) return { found: 'Euler steps were not measured.', verdict: 'not measured' }
  const words = (losses: (number | undefined)[]) =>
    SDE_FLOWS.map((flow, i) => `${COMPARED[flow].title} ${distance(losses[i])}`).join(', ')
  const robust = (['pfgmpp-64', 'pfgmpp-2048', 'edm'] as const).map((flow) => lossOf(flow))
  const inOrder = robust.every((loss, i) => i === 0 || (loss ?? 0) >= (robust[i - 1] ?? 0) - chance)
  const apart = Math.abs((robust.at(-1) ?? 0) - (robust[0] ?? 0)) > chance
  const ofD = `Of PFGM++: D = 64 ${distance(robust[0])}, D = 2048 ${distance(robust[1])}, EDM ${distance(robust[2])}, ${
    !apart
      ? 'which chance does not tell apart'
      : inOrder
        ? 'in the order claimed'
        : 'not in the order claimed'
  }.`
  const found = `From ${most} steps to ${FEW} the distance grows by ${distance(pfgm)} for PFGM; as they were published, ${words(others)}; in the coordinates of this package, ${words(scaled)}. ${ofD}`
  const isLess = (losses: (number | undefined)[]) =>
    losses.every((loss) => loss === undefined || pfgm <= loss + chance)
  if (!isLess(others)) return { found, verdict: 'not borne out' }
  return { found, verdict: isLess(scaled) && inOrder && apart ? 'borne out' : 'in part' }
}
