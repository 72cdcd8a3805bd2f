import type { Figures } from '../figures.js'
import { COMPARED, type ComparedFlow, FLOW_NAMES, SDE_FLOWS } from '../flows.js'
import { METRICS, QUALITY } from '../metrics.js'
import { SAMPLERS, type SamplerName } from '../samplers.js'
import { chart } from './chart.js'
import { table } from './html.js'
import { chanceFor, lineOf, qualityOf } from './lines.js'
import { distance, listed } from './numbers.js'
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
  const at = (flow: ComparedFlow, sampler: SamplerName, steps: number) =>
    lines.find((line) => line.flow === flow && line.sampler === sampler)?.points.get(steps) ?? Number.NaN
  const few = (flow: ComparedFlow, sampler: SamplerName = 'euler') => at(flow, sampler, FEW)
  const growth = (flow: ComparedFlow, sampler: SamplerName = 'euler') =>
    few(flow, sampler) - at(flow, sampler, most)
  if (Number.isNaN(growth('pfgm')))
    return { found: 'Euler steps were not measured.', verdict: 'not measured' }
  // What has no figure, as samples were lost, is worse than any.
  const isCloser = SDE_FLOWS.every((flow) => !(few(flow, 'euler-in-time') < few('pfgm')))
  const losesLess = SDE_FLOWS.every((flow) => !(growth(flow, 'euler-in-time') < growth('pfgm')))
  const robust = BY_D.map((flow) => growth(flow))
  const isOrdered = robust.every((loss, i) => i === 0 || loss > robust[i - 1]! + chance)
  const ofSde = (of: typeof few) => SDE_FLOWS.map((flow) => figure(of(flow, 'euler-in-time')))
  const rivals = listed(SDE_FLOWS.map((flow) => COMPARED[flow].title))
  const found = [
    `At ${FEW} steps the distance of PFGM is ${figure(few('pfgm'))}, of ${rivals} as they were published ${listed(ofSde(few))}.`,
    `From ${most} steps on it has grown by ${figure(growth('pfgm'))}, ${listed(ofSde(growth))}.`,
    `For D = 64, 2048 and infinity (EDM) it grows by ${listed(robust.map(figure))}: ${isOrdered ? 'the less, the smaller D is' : 'that this is less the smaller D is, cannot be seen here but for chance'}.`,
  ].join(' ')
  const fared = [isCloser, losesLess, isOrdered].filter((holds) => holds).length
  return { found, verdict: fared === 3 ? 'borne out' : fared > 0 ? 'in part' : 'not borne out' }
}

/** By rising D. */
const BY_D = ['pfgmpp-64', 'pfgmpp-2048', 'edm'] as const

const figure = (value: number): string => distance(Number.isNaN(value) ? undefined : value)
