import type { SamplingOptions } from '../model/sample.js'
import { PoissonFlow, type SampleResult } from '../poisson-flow.js'
import type { Tensor } from '../tensor/tensor.js'
import type { PartOf } from './figures.js'
import { type ModelName, type Workshop, withSignal } from './job.js'
import { metricsFor } from './metrics.js'
import { SAMPLERS, type Sampler, type SamplerName } from './samplers.js'

/** Draws of the data itself that say what chance does. */
const FLOOR_REPEATS = 20

/** How often samples are drawn to see how long that takes. */
export const TIMINGS = 3

/** Draws samples with a sampler at an effort, and measures them. */
export async function measurePoint(
  workshop: Workshop,
  name: ModelName,
  sampler: SamplerName,
  effort: number,
): Promise<PartOf<'point'>> {
  const { noisy = false }: Sampler = SAMPLERS[sampler]
  const { samples, noisySamples } = workshop.plan
  const count = noisy ? noisySamples : samples
  const { images, nfe, status } = await draw(workshop, name, sampler, effort, {
    count,
    onProgress: ({ fraction }) => workshop.onProgress(fraction),
  })
  using drawn = images
  const lost = status.filter((each) => each !== 'done').length
  return {
    kind: 'point',
    ...name,
    sampler,
    effort,
    samples: count,
    evaluations: nfe,
    lost,
    ...(lost > 0 ? { measures: {} } : await measure(workshop, drawn)),
  }
}

/** The least time that samples take of several tries: the others were in something's way. */
export async function timePoint(
  workshop: Workshop,
  name: ModelName,
  sampler: SamplerName,
  effort: number,
): Promise<PartOf<'time'>> {
  const samples = workshop.plan.timedSamples
  let seconds = Number.POSITIVE_INFINITY
  for (let done = 0; done < TIMINGS; done++) {
    workshop.onProgress(done / TIMINGS)
    const began = performance.now()
    const { images } = await draw(workshop, name, sampler, effort, { count: samples })
    images.dispose()
    seconds = Math.min(seconds, (performance.now() - began) / 1000)
  }
  return { kind: 'time', ...name, sampler, effort, samples, seconds }
}

async function draw(
  workshop: Workshop,
  name: ModelName,
  sampler: SamplerName,
  effort: number,
  options: Pick<SamplingOptions, 'count' | 'onProgress'>,
): Promise<SampleResult> {
  const { settings, inTime = false }: Sampler = SAMPLERS[sampler]
  const model = await workshop.model(name)
  const followed = inTime ? asPublished(model) : model
  return followed.sample({
    ...settings(effort, name.flow),
    ...options,
    seed: name.seed * 1_000_000,
    precision: workshop.plan.precision,
    keepNotFinite: true,
    ...withSignal(workshop),
  })
}

async function measure(
  workshop: Workshop,
  samples: Tensor,
): Promise<Pick<PartOf<'point'>, 'measures' | 'errors'>> {
  const measures: Record<string, number | null> = {}
  const errors: Record<string, number | null> = {}
  const known = (value: number) => (Number.isFinite(value) ? value : null)
  for (const [key, metric] of metricsFor(workshop.items.shape.slice(1))) {
    const { value, error } = await metric.measure(samples, workshop.compared, withSignal(workshop))
    measures[key] = known(value)
    errors[key] = known(error)
  }
  return { measures, errors }
}

/** The same network, followed in the coordinates that the SDE was published in; disposed of with the model. */
function asPublished({ network, config }: PoissonFlow): PoissonFlow {
  const { data, step, flow } = config
  const published = { ...flow, coordinates: 'published' } as typeof flow
  return PoissonFlow.of(network, { data, step, flow: published })
}

/** What as many draws from the data itself score by chance. */
export async function measureFloor(workshop: Workshop, count: number): Promise<PartOf<'floor'>> {
  const measures: PartOf<'floor'>['measures'] = {}
  for (const [key, { floor }] of metricsFor(workshop.items.shape.slice(1))) {
    if (floor) measures[key] = await floor(workshop.compared, count, FLOOR_REPEATS, withSignal(workshop))
  }
  return { kind: 'floor', count, measures }
}
