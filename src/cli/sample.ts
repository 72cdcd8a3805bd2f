import type { Command } from 'commander'
import type { Label, PoissonFlow, SampleOptions } from '../index.js'
import { DRAWING_OPTIONS, runDrawing } from './drawing.js'
import { UsageError } from './errors.js'
import { readFiles } from './images.js'
import { INTEGER, NUMBER, SEED, TEXT } from './kinds.js'
import { labelsNamed } from './label-options.js'
import { library } from './library.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { namesFolder } from './out-file.js'
import { drawFolder } from './sample-folder.js'

/** What samples start from: given on to the library as it is. */
const START_OPTIONS = {
  count: {
    kind: INTEGER,
    value: 'n',
    help: 'samples to draw, of each of several classes (default: 16, or 10)',
  },
  seed: { kind: SEED, value: 'n', help: 'sample i is that of seed + i, whatever the count (default: 0)' },
  temperature: { kind: NUMBER, value: 'x', help: 'scales how far out samples start (default: 1)' },
} as const

const OPTIONS = {
  out: {
    kind: TEXT,
    value: 'file',
    help: 'PNG file to write, .npy for the values, .npz, .zip or a folder/ for a picture each (default: samples.png)',
  },
  ...START_OPTIONS,
  from: { kind: NUMBER, value: 'z', help: 'start at height z around the images; the lower, the more stays' },
  ...DRAWING_OPTIONS,
} as const

const EXAMPLES = `
What <model> may be: a run folder, a checkpoint or model file, or digits or fashion, which come with the package.

Examples:
  npx pfgm-torch sample digits --out grid.png
  npx pfgm-torch sample runs/digits --count 64 --seed 100 --out grid.png
  npx pfgm-torch sample runs/digits --count 50000 --out many/     goes on where it was broken off
  npx pfgm-torch sample runs/digits --solver heun --steps 20
  npx pfgm-torch sample runs/digits --solver unipc --steps 15 --schedule searched
  npx pfgm-torch sample runs/digits --solver auto --error 0.004
  npx pfgm-torch sample digits --from 1 --count 16 photo.png
  npx pfgm-torch sample digits --film film.webp
  npx pfgm-torch sample runs/digits --label all --guidance 1.5 --out classes.png`

export function define(command: Command): void {
  command
    .description('Draws samples from a trained model and writes their picture.')
    .argument('<model>', 'model to draw from, see below')
    .argument('[images...]', 'image files to start around, with --from')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runSample)
}

async function runSample(model: string, sources: string[], flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const { out = 'samples.png' } = settings
  if (await namesFolder(out)) return sampleFolder(model, out, sources, settings, flags)
  const { ARCHIVE_EXTENSIONS } = await library()
  let labels: SampleOptions['labels']
  await runDrawing(model, settings, flags, {
    thing: 'sample',
    of: model,
    out,
    archives: {
      extensions: ARCHIVE_EXTENSIONS,
      save: (flow, images, path) =>
        flow.saveSamples(images, path, {
          ...pick(settings, { seed: START_OPTIONS.seed }),
          ...(labels !== undefined && { labels }),
        }),
    },
    async draw(flow, options) {
      const start = await startOf(flow, sources, settings)
      using _images = start.from?.images
      const { columns, ...labelled } = labelsOf(flow, settings, start.count)
      labels = labelled.labels
      const drawn = await flow.sample({ ...pick(settings, START_OPTIONS), ...start, ...labelled, ...options })
      return { ...drawn, ...(columns && { columns }) }
    },
  })
}

async function sampleFolder(
  model: string,
  folder: string,
  [image]: readonly string[],
  settings: Settings<typeof OPTIONS>,
  flags: CommonFlags,
): Promise<void> {
  if (image !== undefined) {
    throw new UsageError(`Expected no images for a folder of pictures but received ${image} with ${folder}`)
  }
  const starts = (flow: PoissonFlow) => {
    const { columns, ...labelled } = labelsOf(flow, settings)
    return { ...pick(settings, START_OPTIONS), ...labelled }
  }
  await drawFolder({ model, folder, starts }, settings, flags)
}

/** Samples in a row where each row is a class. */
const A_CLASS = 10

/** What --label asks for: one class for all samples, or a row for each of several. */
function labelsOf(
  flow: PoissonFlow,
  { label, count = A_CLASS }: Settings<typeof OPTIONS>,
  images?: number,
): Pick<SampleOptions, 'labels' | 'count'> & { columns?: number } {
  if (label === undefined) return {}
  const labels = labelsNamed(flow, label)
  if (labels.length === 1) return { labels: labels[0]! }
  if (images !== undefined)
    throw new UsageError('Expected --label to be one class with --from but received several')
  const most = Math.floor(1e6 / labels.length)
  if (!(count >= 1 && count <= most)) {
    throw new UsageError(
      `Expected --count to be from 1 to ${most} for ${labels.length} classes but received ${count}`,
    )
  }
  const each = labels.flatMap((one) => new Array<Label>(count).fill(one))
  return { labels: each, count: each.length, columns: count }
}

/** The images that the samples start around, where there are any; one serves all samples. */
async function startOf(
  flow: PoissonFlow,
  sources: readonly string[],
  { from, count }: Settings<typeof OPTIONS>,
): Promise<Pick<SampleOptions, 'from' | 'count'>> {
  if (from === undefined && sources.length === 0) return {}
  if (from === undefined || sources.length === 0) {
    const received = from === undefined ? 'images without --from' : '--from without images'
    throw new UsageError(`Expected --from and images to be given together but received ${received}`)
  }
  const files = sources.length === 1 ? Array<string>(count ?? 1).fill(sources[0]!) : sources
  const images = await readFiles(flow, files)
  return { from: { z: from, images }, count: count ?? files.length }
}
