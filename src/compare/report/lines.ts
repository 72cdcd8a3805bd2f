import { type Figures, type PartOf, partsOf } from '../figures.js'
import type { ComparedFlow } from '../flows.js'
import { METRICS, QUALITY } from '../metrics.js'
import type { NetworkName } from '../networks.js'
import { SAMPLERS, type Sampler, type SamplerName } from '../samplers.js'
import { mean } from './numbers.js'

/** What a metric measured. */
export interface Measured {
  readonly mean: number
  /** That of each seed. */
  readonly each: readonly number[]
  /** Of a single seed: its standard error over groups of the samples, where that was measured. */
  readonly error: number | undefined
}

/** A sampler of a flow at one effort, mean over the seeds. */
export interface LinePoint {
  readonly flow: ComparedFlow
  readonly sampler: SamplerName
  readonly effort: number
  readonly samples: number
  readonly evaluations: number
  /** A sample, where that was measured. */
  readonly seconds: number | undefined
  /** Samples of all seeds that came to no end. */
  readonly lost: number
  /** By metric; without seeds of which samples were lost. */
  readonly measures: Readonly<Record<string, Measured>>
}

/** The efforts of a sampler of a flow, by evaluations. */
export function lineOf(
  figures: Figures,
  flow: ComparedFlow,
  sampler: SamplerName,
  network: NetworkName = 'unet',
): LinePoint[] {
  const points = partsOf(figures, 'point').filter(
    (point) => point.network === network && point.flow === flow && point.sampler === sampler,
  )
  const times = partsOf(figures, 'time').filter(
    (time) => time.network === network && time.flow === flow && time.sampler === sampler,
  )
  const efforts = [...new Set(points.map(({ effort }) => effort))]
  return efforts
    .map((effort) =>
      ofSeeds(
        points.filter((point) => point.effort === effort),
        times.find((time) => time.effort === effort),
      ),
    )
    .sort((a, b) => a.evaluations - b.evaluations)
}

function ofSeeds(points: readonly PartOf<'point'>[], time: PartOf<'time'> | undefined): LinePoint {
  const { flow, sampler, effort, samples } = points[0]!
  const measures: Record<string, Measured> = {}
  for (const key of Object.keys(METRICS)) {
    const each = points.flatMap(({ measures: of }) => of[key] ?? [])
    const error = each.length === 1 ? (points[0]!.errors?.[key] ?? undefined) : undefined
    if (each.length > 0) measures[key] = { mean: mean(each), each, error }
  }
  return {
    flow,
    sampler,
    effort,
    samples,
    evaluations: mean(points.map((point) => point.evaluations)),
    seconds: time && time.seconds / time.samples,
    lost: points.reduce((sum, { lost }) => sum + lost, 0),
    measures,
  }
}

/** What charts and verdicts are about; undefined where no seed came to an end. */
export function qualityOf({ measures }: LinePoint): number | undefined {
  return measures[QUALITY]?.mean
}

/** Two standard deviations of what a perfect sampler scores by chance with so many samples of every seed. */
export function chanceOf(figures: Figures, samples: number): number {
  const floor = partsOf(figures, 'floor').find(({ count }) => count === samples)
  return (2 * (floor?.measures[QUALITY]?.deviation ?? 0)) / Math.sqrt(seedsOf(figures))
}

export function seedsOf(figures: Figures): number {
  return new Set(partsOf(figures, 'training').map(({ seed }) => seed)).size
}

/** The chance of a sampler's samples. */
export function chanceFor(figures: Figures, sampler: SamplerName): number {
  const { noisy = false }: Sampler = SAMPLERS[sampler]
  const [point] = partsOf(figures, 'point').filter(
    (each) => ((SAMPLERS[each.sampler] as Sampler).noisy ?? false) === noisy,
  )
  return point ? chanceOf(figures, point.samples) : 0
}
