import type { Command } from 'commander'
import type { AnyDataset, TrainEvent } from '../index.js'
import { ensureAddon } from './addon.js'
import { DATA_OPTIONS, type DataSettings } from './data-options.js'
import { Stopped } from './errors.js'
import { interruptible } from './interrupt.js'
import { library } from './library.js'
import { DEVICE_OPTION } from './machine-options.js'
import { addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { printHint } from './output.js'
import { openWithProgress, takenBy } from './reading.js'
import { withPage } from './runs-page.js'
import { defaultsHelp } from './train-help.js'
import {
  FILE_ONLY,
  LABELS_OPTION,
  OPTIONS,
  OUT_OPTION,
  TRAINING_OPTIONS,
  UI_OPTION,
  VALIDATION_OPTION,
} from './train-options.js'
import type { TrainView } from './train-view.js'
import { commandLine } from './words.js'

const EXAMPLES = `
What [data] may be:
  digits                                1,797 handwritten digits that come with the package
  fashion, mnist (or fashion:test)      60,000 pictures of 28 x 28: see the command data
  two-moons, eight-gaussians, heart     points in the plane
  idx:FILE                              an IDX file, as MNIST has; its labels are those beside it, or --labels FILE
  cifar10:PATH, cifar100:PATH           the archive as published, or the folder in it
  npy:FILE, npz:FILE                    images or points saved by NumPy (--array NAME)
  folder:FOLDER                         a folder of images (--size N)
  zip:FILE                              a zip archive of images, with dataset.json as EDM has it or folders for classes
  tar:FILES                             WebDataset's archives: a file, a folder or 'train-{000..146}.tar'
  parquet:FILES                         Hugging Face's files: one, a folder or 'train-*.parquet'
  PATH                                  any of these files and folders, recognised

Examples:
  npx pfgm-torch train digits
  npx pfgm-torch train digits --steps 3000 --out runs/longer
  npx pfgm-torch train digits --labels                            for samples by class: sample runs/digits --label 7
  npx pfgm-torch train folder:photos --size 32 --out runs/photos
  npx pfgm-torch train folder:mine --size 32 --init-from runs/photos --learning-rate 1e-4
  npx pfgm-torch train digits --out runs/digits --resume
  npx pfgm-torch train digits --out runs/digits --resume auto     for a job that may be restarted`

export function define(command: Command): void {
  command
    .description('Trains a model and writes checkpoints, pictures and a log to a run folder.')
    .argument('[data]', 'data to learn from, see below', 'digits')
  addOptions(command.optionsGroup('Run:'), { ...OUT_OPTION, ...UI_OPTION })
  addOptions(command.optionsGroup('Training:'), {
    ...LABELS_OPTION,
    ...VALIDATION_OPTION,
    ...TRAINING_OPTIONS,
  })
  addOptions(command.optionsGroup('Data:'), DATA_OPTIONS)
  command
    .optionsGroup('Other:')
    .option('--config <file>', 'JSON file with options, camelCase, also network; flags go before it')
    .option('--json', 'print one JSON object a line for everything that happens')
    .addHelpText('after', () => defaultsHelp(command))
    .addHelpText('after', EXAMPLES)
    .action(runTrain)
}

async function runTrain(spec: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags, FILE_ONLY)
  await ensureAddon()
  const { train } = await library()
  const { drawCommand, JsonTrainView, WordyTrainView } = await import('./train-view.js')
  await interruptible(
    async (signal) => {
      const { labels } = settings
      const data = await openWithProgress(spec, { ...readingOf(settings), signal })
      const validation = await readValidation(settings, signal)
      const { network, out = `runs/${data.name}` } = settings
      const view = flags.json ? new JsonTrainView() : new WordyTrainView(data)
      const again = resumeCommand(spec, out, settings)
      const options = {
        ...pick(settings, TRAINING_OPTIONS),
        ...(network && { network }),
        ...(validation !== undefined && { validation }),
        ...(labels !== undefined && { labels: labels !== false }),
      }
      const draw = drawCommand(out, data.shape)
      const run = () => watch(train({ ...options, data, out, signal }), view, { again, draw })
      await withPage(out, { ui: settings.ui, json: flags.json }, run)
    },
    () => printHint('Stopping and saving (once more to stop at once) …'),
  )
}

async function watch(
  events: AsyncIterable<TrainEvent>,
  view: TrainView,
  commands: { again: string; draw: string },
): Promise<void> {
  let saved: number | undefined
  let steps: number | undefined
  try {
    for await (const event of events) {
      if (event.type === 'start') steps = event.steps
      if (event.type === 'start' && event.step > 0) saved = event.step
      if (event.type === 'checkpoint') saved = event.step
      view.show(event)
    }
  } catch (error) {
    view.close()
    if (!(error instanceof Stopped) || error.message === '') throw error
    throw new Stopped(error.exitCode, `${error.message}: ${whatIsLeft(saved, steps, commands)}`)
  } finally {
    view.close()
  }
}

function whatIsLeft(
  saved: number | undefined,
  steps: number | undefined,
  { again, draw }: { again: string; draw: string },
): string {
  if (saved === undefined) return 'nothing was to be saved yet; the same command begins anew'
  if (saved === steps) return `trained to the end and saved at step ${saved}; draw samples with: ${draw}`
  return `saved at step ${saved}; go on with: ${again}`
}

/** How the data is read. */
function readingOf(settings: Settings<typeof OPTIONS>): DataSettings & { labels?: string } {
  const { labels } = settings
  return { ...pick(settings, DATA_OPTIONS), ...(typeof labels === 'string' && { labels }) }
}

/** Data of its own are read as those to learn from, as far as that has a meaning for them. */
async function readValidation(
  settings: Settings<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<number | AnyDataset | undefined> {
  const { validation } = settings
  if (typeof validation !== 'string') return validation
  const options = await takenBy(validation, pick(settings, DATA_OPTIONS))
  return openWithProgress(validation, { ...options, signal })
}

/** Settings are in the checkpoint; how the data is read, and where the network runs, is not. */
function resumeCommand(spec: string, out: string, settings: Settings<typeof OPTIONS>): string {
  const { validation } = settings
  const needed = {
    ...readingOf(settings),
    ...(typeof validation === 'string' && { validation }),
    ...pick(settings, DEVICE_OPTION),
  }
  return commandLine(['train', spec], { ...needed, out, resume: 'auto' })
}
