import type { ImageTensor } from '../model/images.js'
import { spreadRows } from '../tensor/rows.js'
import type { Tensor } from '../tensor/tensor.js'
import type { PartOf } from './figures.js'
import { type ModelName, type Workshop, withSignal } from './job.js'

/** Bits per dimension of items spread over the data. */
export async function measureLikelihood(workshop: Workshop, name: ModelName): Promise<PartOf<'likelihood'>> {
  const { count, probes, tolerance } = workshop.plan.likelihood
  using items = (await spreadRows(workshop.items as Tensor, count)) as ImageTensor
  const model = await workshop.model(name)
  const { bitsPerDimension, nfe } = await model.logLikelihood(items, {
    divergence: 'hutchinson',
    probes,
    rtol: tolerance,
    atol: tolerance,
    dequantize: true,
    keepNotFinite: true,
    onProgress: ({ fraction }) => workshop.onProgress(fraction),
    ...withSignal(workshop),
  })
  const bits = [...bitsPerDimension]
  const mean = bits.reduce((sum, each) => sum + each, 0) / bits.length
  const variance = bits.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (bits.length - 1)
  const standardError = Math.sqrt(variance / bits.length)
  const hasEnds = Number.isFinite(mean)
  return {
    kind: 'likelihood',
    ...name,
    count: bits.length,
    bitsPerDimension: hasEnds ? mean : null,
    standardError: hasEnds ? standardError : null,
    evaluations: nfe,
  }
}
