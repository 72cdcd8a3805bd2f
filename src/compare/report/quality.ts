import type { Figures } from '../figures.js'
import { partsOf } from '../figures.js'
import { COMPARED, type ComparedFlow, FLOW_NAMES, SDE_FLOWS } from '../flows.js'
import { METRICS, MOST_COMPARED, metricsFor, QUALITY } from '../metrics.js'
import { SAMPLER_NAMES, SAMPLERS, type SamplerName } from '../samplers.js'
import { type ChartLine, chart } from './chart.js'
import { details, table } from './html.js'
import { chanceFor, type LinePoint, lineOf, qualityOf, seedsOf } from './lines.js'
import { count, distance, evaluations, listed, milliseconds, NOTHING, times } from './numbers.js'
import { picturesHtml } from './picture.js'
import { pointsTable } from './points-table.js'
import type { Section, Verdict } from './section.js'

/** How many times as fast the paper says that PFGM is. */
const CLAIMED = 10

const DASHES: Partial<Readonly<Record<SamplerName, readonly number[]>>> = {
  'euler-maruyama': [2, 4],
  'predictor-corrector': [8, 4],
}
/** What samples with noise are compared with. */
const ODE_SAMPLERS: readonly SamplerName[] = ['rk45', 'default', 'heun']
const NOISY: readonly SamplerName[] = ['euler-maruyama', 'predictor-corrector']

export function qualitySection(figures: Figures): Section {
  const comparisons = SDE_FLOWS.flatMap((flow) =>
    NOISY.flatMap((sampler) => comparisonWith(figures, flow, sampler) ?? []),
  )
  return {
    id: 'quality',
    title: 'Quality against evaluations and seconds',
    claim:
      'Following PFGM’s ordinary differential equation takes about a hundred evaluations of the network for images as good as those that the SDEs of VE and VP, followed back with noise, give after a thousand or two: 10 to 20 times faster. PFGM++ adds that a D between PFGM’s 1 and diffusion’s infinity draws best.',
    source: 'PFGM, arXiv 2209.11178, abstract and section 4.1; PFGM++, arXiv 2302.04265, section 6.1',
    rule: [
      `Every model draws samples with every sampler below, and their distance to the data is measured${figures.about.count > MOST_COMPARED ? `: to ${count(MOST_COMPARED)} items spread over it` : ''}.`,
      'At equal quality: of a sampler with noise, the fewest evaluations from which its distance is, but for chance, its best; and the fewest evaluations of PFGM’s ODE whose distance is, but for chance, no larger than that. Chance is two standard deviations of what so many draws from the data itself score.',
      timesRule(figures),
      ...errorsRule(figures),
    ],
    content: [
      chart(chartOf(figures, 'evaluations a sample', ({ evaluations: x }) => x)),
      chart(chartOf(figures, 'seconds a sample', ({ seconds }) => seconds)),
      comparisonsTable(comparisons),
      chart(flowsChart(figures)),
      samplesHtml(figures),
      samplersTable(),
      details(
        'All figures',
        pointsTable('Samplers by flow and effort', allPoints(figures), metricsFor(figures.about.shape)),
      ),
    ],
    ...judged(figures, comparisons),
  }
}

function timesRule(figures: Figures): string {
  const [time] = partsOf(figures, 'time')
  return time
    ? `Seconds are the least of three times that ${time.samples} samples took, drawn at once, one sampler right after the other, divided by them.`
    : 'How long samples take was not measured.'
}

function errorsRule(figures: Figures): string[] {
  if (seedsOf(figures) > 1 || !partsOf(figures, 'point').some(({ errors }) => errors)) return []
  return [
    'Behind ± is the standard error over ten groups of the samples; of the kernel distance, over its subsets.',
  ]
}

function chartOf(figures: Figures, x: string, of: (point: LinePoint) => number | undefined) {
  const lines = [
    ...(['rk45', 'default'] as const).map((sampler) => ({ flow: 'pfgm' as ComparedFlow, sampler })),
    ...SDE_FLOWS.flatMap((flow) =>
      (['rk45', ...NOISY] as const).map((sampler) => ({ flow, sampler: sampler as SamplerName })),
    ),
  ].map(({ flow, sampler }) => chartLine(figures, flow, sampler, of))
  return {
    title: `Distance to the data against ${x}`,
    label: `Lines of ${listed(lines.map(({ name }) => name))}: distance to the data against ${x}. The figures are in the table of all figures.`,
    x,
    y: METRICS[QUALITY]!.title,
    lines,
    level: { value: chanceFor(figures, 'rk45'), name: 'chance, with the samples of an ODE' },
  }
}

function chartLine(
  figures: Figures,
  flow: ComparedFlow,
  sampler: SamplerName,
  of: (point: LinePoint) => number | undefined,
): ChartLine {
  const points = lineOf(figures, flow, sampler).flatMap((point): [number, number][] => {
    const [x, quality] = [of(point), qualityOf(point)]
    return x === undefined || quality === undefined ? [] : [[x, quality]]
  })
  const dashes = sampler === 'default' ? [12, 3, 2, 3] : DASHES[sampler]
  return {
    name: `${COMPARED[flow].title}, ${SAMPLERS[sampler].title}`,
    colour: flow,
    points,
    ...(dashes && { dashes }),
  }
}

function flowsChart(figures: Figures) {
  const lines = FLOW_NAMES.map((flow) => chartLine(figures, flow, 'default', ({ evaluations: x }) => x))
  return {
    title: 'All flows with the default solver',
    label: 'Lines of all flows: distance to the data against evaluations of the default solver.',
    x: 'evaluations a sample',
    y: METRICS[QUALITY]!.title,
    lines: lines.map(({ dashes: _, ...line }, i) => ({ ...line, name: COMPARED[FLOW_NAMES[i]!].title })),
    level: { value: chanceFor(figures, 'default'), name: 'chance' },
  }
}

/** A sampler with noise, and PFGM's ODE where it is as good. */
interface Comparison {
  readonly flow: ComparedFlow
  readonly sampler: SamplerName
  readonly noisy: LinePoint
  readonly published: LinePoint | undefined
  readonly any: LinePoint | undefined
}

function comparisonWith(figures: Figures, flow: ComparedFlow, sampler: SamplerName): Comparison | undefined {
  const chance = chanceFor(figures, sampler)
  const line = lineOf(figures, flow, sampler).filter((point) => qualityOf(point) !== undefined)
  const best = Math.min(...line.map((point) => qualityOf(point)!))
  const noisy = line.find((point) => qualityOf(point)! <= best + chance)
  if (!noisy) return undefined
  const asGood = (samplers: readonly SamplerName[]) =>
    samplers
      .flatMap((each) => lineOf(figures, 'pfgm', each))
      .filter((point) => (qualityOf(point) ?? Number.POSITIVE_INFINITY) <= qualityOf(noisy)! + chance)
      .sort((a, b) => a.evaluations - b.evaluations)[0]
  return { flow, sampler, noisy, published: asGood(['rk45']), any: asGood(ODE_SAMPLERS) }
}

function comparisonsTable(comparisons: readonly Comparison[]): string {
  const cellsOf = (point: LinePoint | undefined, noisy: LinePoint) =>
    point
      ? [
          `${evaluations(point.evaluations)} (${SAMPLERS[point.sampler].title})`,
          `${times(noisy.evaluations / point.evaluations)} ×`,
          noisy.seconds && point.seconds ? `${times(noisy.seconds / point.seconds)} ×` : NOTHING,
        ]
      : [NOTHING, NOTHING, NOTHING]
  return table({
    caption: 'At equal quality: evaluations of samplers with noise, and of PFGM’s ODE',
    head: [
      'with noise',
      'distance',
      'evaluations',
      'time a sample',
      'PFGM as published',
      'fewer',
      'faster',
      'PFGM, cheapest sampler',
      'fewer',
      'faster',
    ],
    rows: comparisons.map(({ flow, sampler, noisy, published, any }) => [
      `${COMPARED[flow].title}, ${SAMPLERS[sampler].title}`,
      distance(qualityOf(noisy)),
      evaluations(noisy.evaluations),
      milliseconds(noisy.seconds),
      ...cellsOf(published, noisy),
      ...cellsOf(any, noisy),
    ]),
  })
}

function samplersTable(): string {
  return table({
    caption: 'The samplers',
    head: ['sampler', 'what it is'],
    rows: SAMPLER_NAMES.map((name) => [SAMPLERS[name].title, SAMPLERS[name].rule]),
  })
}

function samplesHtml(figures: Figures): string {
  return picturesHtml(
    partsOf(figures, 'samples')
      .filter(({ network }) => network === 'unet')
      .map(({ flow, count, picture }) => ({
        picture,
        caption: `${COMPARED[flow].title}: the first ${count} samples`,
      })),
  )
}

function allPoints(figures: Figures): LinePoint[] {
  return FLOW_NAMES.flatMap((flow) => SAMPLER_NAMES.flatMap((sampler) => lineOf(figures, flow, sampler)))
}

/** Which flow comes closest to the data with the default solver, and what chance does not tell from it. */
function bestFlow(figures: Figures): string {
  const reached = FLOW_NAMES.flatMap((flow) => {
    const quality = lineOf(figures, flow, 'default').map(qualityOf).at(-1)
    return quality === undefined ? [] : [{ title: COMPARED[flow].title, quality }]
  }).sort((a, b) => a.quality - b.quality)
  const [best, ...others] = reached
  if (!best) return ''
  const most = best.quality + chanceFor(figures, 'default')
  const alike = others.filter(({ quality }) => quality <= most).map(({ title }) => title)
  const beside = alike.length > 0 ? `, from which chance does not tell ${listed(alike)}` : ''
  return `With the default solver ${best.title} comes closest to the data (${distance(best.quality)})${beside}.`
}

function judged(figures: Figures, comparisons: readonly Comparison[]): { found: string; verdict: Verdict } {
  if (comparisons.length === 0)
    return { found: 'No sampler with noise was measured.', verdict: 'not measured' }
  const fewer = (of: 'published' | 'any') =>
    comparisons.map(({ noisy, [of]: point }) => (point ? noisy.evaluations / point.evaluations : undefined))
  const beside = (ratios: (number | undefined)[]) => {
    const known = ratios.filter((ratio) => ratio !== undefined)
    const nearer = ratios.length - known.length
    const range = [...new Set([Math.min(...known), Math.max(...known)].map(times))].join(' to ')
    const words = known.length > 0 ? [`${range} times its evaluations`] : []
    const never =
      nearer > 0 ? [`${nearer} of ${ratios.length} come nearer to the data than it ever does`] : []
    return [...words, ...never].join('; ')
  }
  const most = Math.max(
    ...SDE_FLOWS.flatMap((flow) => NOISY.flatMap((sampler) => lineOf(figures, flow, sampler))).map(
      (point) => point.evaluations,
    ),
  )
  const [published, any] = [fewer('published'), fewer('any')]
  const found = `Samplers with noise at their best, beside PFGM’s ODE as published (rk45): ${beside(published)}. Beside its cheapest sampler here: ${beside(any)}. They were given up to ${most.toFixed(0)}. ${bestFlow(figures)}`
  const reaches = (ratios: (number | undefined)[], least: number) =>
    ratios.every((ratio) => ratio !== undefined && ratio >= least)
  if (reaches(published, CLAIMED)) return { found, verdict: 'borne out' }
  return { found, verdict: reaches(any, 1) ? 'in part' : 'not borne out' }
}
