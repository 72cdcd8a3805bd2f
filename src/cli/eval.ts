import { basename } from 'node:path'
import type { Command } from 'commander'
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
  SHIPPED_FEATURES,
  setThreads,
  Tensor,
} from '../index.js'
import { featuresFolder } from '../metrics/feature-cache.js'
import { rowsOf, spreadRows } from '../tensor/rows.js'
import { ensureAddon } from './addon.js'
import { Stopped, UsageError } from './errors.js'
import { dataTensor, openData } from './images.js'
import { interruptible } from './interrupt.js'
import { INTEGER, POSITIVE, SEED, TEXT } from './kinds.js'
import { GUIDANCE_OPTIONS, LABEL_OPTION, labelsNamed } from './label-options.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printHint, printJson, printLine } from './output.js'
import { NO_PROGRESS, type Progress, startProgress } from './progress.js'
import { SAMPLING_OPTIONS } from './sampling-options.js'
import { columns, duration, several } from './words.js'

const OPTIONS = {
  against: {
    kind: TEXT,
    value: 'data',
    help: 'data as for train, best such as was not learned from, or an .npz of mu and sigma',
  },
  count: { kind: POSITIVE, value: 'n', help: 'samples to draw and items to compare with (default: 10000)' },
  training: {
    kind: TEXT,
    value: 'data',
    help: 'what was learned from, to tell copies and how well real pictures score',
  },
  features: {
    kind: TEXT,
    value: 'network',
    help: `a TorchScript file, pytorch-fid’s .pth, ${SHIPPED_FEATURES.join(', ')}, or numbers: the pixels (default: fashion for 28 x 28 grey)`,
  },
  neighbours: { kind: INTEGER, value: 'k', help: 'nearest ones that reach is measured by (default: 5)' },
  seed: { kind: SEED, value: 'n', help: 'sample i is that of seed + i (default: 0)' },
  nearest: {
    kind: TEXT,
    value: 'file',
    help: "draw samples beside the items nearest to them, of --training or else --against, a '.png'",
  },
  saveStatistics: {
    kind: TEXT,
    value: 'file',
    help: "write mu and sigma of --against, an '.npz' as pytorch-fid and EDM read it",
  },
  ...LABEL_OPTION,
  ...GUIDANCE_OPTIONS,
  ...SAMPLING_OPTIONS,
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const
type EvalSettings = Settings<typeof OPTIONS>

const EXAMPLES = `
A model of several classes draws each as often as the others, unless --label says otherwise.

Examples:
  npx pfgm-torch eval runs/fashion --against fashion:test --training fashion
  npx pfgm-torch eval digits --against digits --count 1000 --nearest nearest.png
  npx pfgm-torch eval runs/photos --against folder:held-out --features inception-2015-12-05.pt
  npx pfgm-torch eval runs/cifar --against cifar10-32x32.npz --features inception-2015-12-05.pt --count 50000`

export function addEvalCommand(program: Command): void {
  const command = program
    .command('eval')
    .summary('score samples against real data')
    .description(
      'Scores samples of a model against data: distances, precision, recall and more, with their errors.',
    )
    .argument(
      '<model>',
      'a run folder, a checkpoint or model file, or the name of one that comes with the package',
    )
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runEval)
}

const DEFAULT_COUNT = 10_000

async function runEval(model: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const { against } = settings
  if (against === undefined)
    throw new UsageError('Expected --against, data to compare with, but received none')
  if (settings.nearest !== undefined) await expectWritable(settings.nearest, '.png', '--nearest')
  if (settings.saveStatistics !== undefined)
    await expectWritable(settings.saveStatistics, '.npz', '--save-statistics')
  await ensureAddon()
  await setThreads(settings.threads)
  const began = performance.now()
  const found = await interruptible((signal) => score(model, against, settings, flags, signal))
  const seconds = (performance.now() - began) / 1000
  if (flags.json) return printJson({ type: 'end', ...found, seconds })
  printResult(found, seconds)
  for (const path of [settings.nearest, settings.saveStatistics]) if (path !== undefined) printLine(path)
}

async function score(
  model: string,
  against: string,
  settings: EvalSettings,
  { json }: CommonFlags,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { count = DEFAULT_COUNT, training: learned } = settings
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  using features = await networkOf(flow, settings.features)
  using data = await referenceOf(flow, against, count, signal)
  using training =
    learned === undefined ? undefined : await itemsOf(flow, learned, count, '--training', signal)
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
  signal: AbortSignal,
): Promise<ImageTensor | FeatureStatistics> {
  if (name.endsWith('.npz')) {
    using archive = await NpzArchive.open(name)
    if (archive.names.includes('mu')) return FeatureStatistics.load(name)
  }
  return itemsOf(flow, name, count, '--against', signal)
}

async function itemsOf(
  flow: PoissonFlow,
  name: string,
  count: number,
  flag: string,
  signal: AbortSignal,
): Promise<ImageTensor> {
  const data = await openData(name, { signal })
  const { itemShape } = flow.network
  if (data.shape.join() === itemShape.join()) {
    using all = await dataTensor(data, data.count)
    return (await spreadRows(all as Tensor, count)) as ImageTensor
  }
  throw new UsageError(
    `Expected ${flag} of [${itemShape.join(', ')}] as the model's but received [${data.shape.join(', ')}]`,
  )
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

/** What scores are called, and what is best. */
const NAMES = {
  energyDistance: ['energy distance', 'low'],
  slicedWasserstein: ['sliced Wasserstein', 'low'],
  frechetDistance: ['Frechet distance', 'low'],
  kernelDistance: ['kernel distance', 'low'],
  inceptionScore: ['inception score', 'high'],
  precision: ['precision', 'high'],
  recall: ['recall', 'high'],
  density: ['density', '1'],
  coverage: ['coverage', 'high'],
  memorisation: ['memorisation', '1'],
} as const satisfies Record<string, readonly [string, string]>

function printResult(found: Evaluation, seconds: number): void {
  const { samples, items, features } = found
  const rows = Object.entries(NAMES).flatMap(([key, [name, best]]) => {
    const score = found[key as keyof typeof NAMES]
    if (score === undefined) return []
    return [[name, score.value.toPrecision(4), `+- ${score.error.toPrecision(2)}`, best, remark(score)]]
  })
  for (const line of columns([['', 'value', 'error', 'best', ''], ...rows])) printLine(line)
  const beside = items === undefined ? 'statistics' : several(items, 'item')
  printHint(
    `${several(samples, 'sample')} beside ${beside}, features: ${basename(features)}, ${duration(seconds)} in all`,
  )
}

function remark(score: object): string {
  if ('floor' in score) return `as many real ones: ${Number(score.floor).toPrecision(4)}`
  if ('ofData' in score) return `the data's: ${Number(score.ofData).toPrecision(4)}`
  if ('spread' in score) return `spread of subsets: ${Number(score.spread).toPrecision(2)}`
  return ''
}
