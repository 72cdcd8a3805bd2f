import { NpzArchive } from '../files/npz-archive.js'
import {
  type Evaluation,
  evaluate,
  FeatureNetwork,
  FeatureStatistics,
  featureStatistics,
  type ImageTensor,
  nearestItems,
  type PoissonFlow,
  type SampleOptions,
  Tensor,
} from '../index.js'
import { featuresFolder } from '../metrics/feature-cache.js'
import { rowsOf, spreadRows } from '../tensor/rows.js'
import { Stopped, UsageError } from './errors.js'
import type { EvalSettings } from './eval-options.js'
import { dataTensor } from './images.js'
import { GUIDANCE_OPTIONS, labelsNamed } from './label-options.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { expectTaken, openDataFor, type Reading } from './model-data.js'
import { type CommonFlags, pick } from './options.js'
import { NO_PROGRESS, type Progress, startProgress } from './progress.js'
import { SAMPLING_OPTIONS } from './sampling-options.js'
import { several } from './words.js'

const DEFAULT_COUNT = 10_000

/** Scores samples of a model against data, and writes what else was asked for. */
export async function score(
  model: string,
  against: string,
  settings: EvalSettings,
  { json }: CommonFlags,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { count = DEFAULT_COUNT, training: learned } = settings
  const reading = { ...settings, signal }
  await expectTaken(reading, learned === undefined ? [against] : [against, learned])
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  using features = await networkOf(flow, settings.features)
  using data = await referenceOf(flow, against, count, reading)
  using training =
    learned === undefined ? undefined : await itemsOf(flow, learned, '--training', count, reading)
  const compared = training ?? (data instanceof Tensor ? data : undefined)
  if (settings.nearest !== undefined && (compared === undefined || flow.network.itemShape.length !== 3)) {
    throw new UsageError('Expected --nearest with pictures, in --against or --training, but received none')
  }
  if (data instanceof FeatureStatistics) expectFeatures(flow, data, features)
  if (settings.saveStatistics !== undefined) {
    if (!(data instanceof Tensor))
      throw new UsageError('Expected --save-statistics with data, not with an .npz')
    using statistics = await featureStatistics(data, {
      ...(features && { features, cache: featuresFolder() }),
      signal,
    })
    await statistics.save(settings.saveStatistics)
  }
  const progress = json ? NO_PROGRESS : startProgress()
  const shown: Tensor[] = []
  try {
    const found = await evaluate(draw(flow, settings, count, signal, progress, shown), data, {
      ...(features && { features, cache: featuresFolder() }),
      ...(training && { training }),
      ...(settings.neighbours !== undefined && { neighbours: settings.neighbours }),
      onProgress: (fraction) => progress.update(fraction, 'measuring'),
      signal,
    })
    if (settings.nearest !== undefined && compared) await drawNearest(settings.nearest, shown[0]!, compared)
    return found
  } catch (error) {
    if (!(error instanceof Stopped) || error.message === '') throw error
    throw new Stopped(error.exitCode, `${error.message}: nothing was measured`)
  } finally {
    progress.end()
    for (const images of shown) images.dispose()
  }
}

/** Samples that --nearest draws. */
const SHOWN = 10
/** Items beside each of them. */
const BESIDE = 9

async function* draw(
  flow: PoissonFlow,
  settings: EvalSettings,
  count: number,
  signal: AbortSignal,
  progress: Progress,
  shown: Tensor[],
): AsyncGenerator<Tensor> {
  const size = settings.batchSize ?? 256
  const labels = labelsOf(flow, settings, count)
  for (let first = 0; first < count; first += size) {
    const some = Math.min(size, count - first)
    const options: SampleOptions = {
      ...pick(settings, SAMPLING_OPTIONS),
      ...pick(settings, GUIDANCE_OPTIONS),
      count: some,
      seed: BigInt(settings.seed ?? 0) + BigInt(first),
      ...(labels && { labels: labels.subarray(first, first + some) }),
      signal,
      onProgress: ({ fraction }) =>
        progress.update((first + fraction * some) / count, `drawing ${several(count, 'sample')}`),
    }
    using images = (await flow.sample(options)).images
    if (shown.length === 0) shown.push(await images.slice(0, Math.min(SHOWN, some)))
    yield images
  }
}

/** Every class as often as the others, or those that were asked for. */
function labelsOf(flow: PoissonFlow, { label }: EvalSettings, count: number): Int32Array | undefined {
  if (flow.classCount === 0 && label === undefined) return undefined
  const { classes } = flow.config
  const asked = labelsNamed(flow, label ?? 'all').map((one) =>
    typeof one === 'number' ? one : classes!.indexOf(one),
  )
  // One class further every round, so that none makes up a whole group of those that errors are taken from.
  const turn = (i: number) => (i + Math.floor(i / asked.length)) % asked.length
  return Int32Array.from({ length: count }, (_, i) => asked[turn(i)]!)
}

async function networkOf(flow: PoissonFlow, name: string | undefined): Promise<FeatureNetwork | undefined> {
  if (name === 'numbers') return undefined
  if (name !== undefined) return FeatureNetwork.load(name)
  return FeatureNetwork.ofItems(flow.network.itemShape)
}

/** What statistics are of must be what samples have; with a network that shows at its first pictures. */
function expectFeatures(
  flow: PoissonFlow,
  { mean }: FeatureStatistics,
  features: FeatureNetwork | undefined,
): void {
  if (features || flow.network.dimensions === mean.size) return
  throw new UsageError(
    `Expected --features, a network of ${mean.size} features as --against is of, but received none: items have ${flow.network.dimensions} numbers`,
  )
}

/** Data, or statistics of such from an archive that has no pictures. */
async function referenceOf(
  flow: PoissonFlow,
  name: string,
  count: number,
  reading: Reading,
): Promise<ImageTensor | FeatureStatistics> {
  if (name.endsWith('.npz')) {
    const path = name.replace(/^npz:/, '')
    using archive = await NpzArchive.open(path)
    if (archive.names.includes('mu')) return FeatureStatistics.load(path)
  }
  return itemsOf(flow, name, '--against', count, reading)
}

async function itemsOf(
  flow: PoissonFlow,
  name: string,
  flag: string,
  count: number,
  reading: Reading,
): Promise<ImageTensor> {
  const data = await openDataFor(flow, name, flag, reading)
  using all = await dataTensor(data, data.count)
  return (await spreadRows(all as Tensor, count)) as ImageTensor
}

/** Each sample at the left of its row. */
async function drawNearest(path: string, samples: Tensor, data: Tensor): Promise<void> {
  const k = Math.min(BESIDE, data.shape[0] ?? 1)
  const { items } = await nearestItems(samples, data, k)
  const parts: Tensor[] = []
  try {
    for (const [i, near] of items.entries()) {
      using sample = await samples.slice(i, 1)
      parts.push(await asBytes(sample))
      using real = await rowsOf(data, near)
      parts.push(await asBytes(real))
    }
    using all = await Tensor.concat(parts)
    await all.savePng(path, { columns: k + 1 })
  } finally {
    for (const part of parts) part.dispose()
  }
}

/** As a PNG has them: samples beside data are of one type then. */
async function asBytes(images: Tensor): Promise<Tensor<'uint8'>> {
  const values = await images.data()
  const bytes =
    values instanceof Uint8Array
      ? values
      : Uint8Array.from(values as Float32Array, (value) =>
          Math.min(255, Math.max(0, Math.round((value + 1) * 127.5))),
        )
  return Tensor.from<'uint8'>(bytes, images.shape)
}
