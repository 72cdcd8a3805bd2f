import { access, constants, stat } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import type { Command } from 'commander'
import { PoissonFlow, type PoolProgress, SOLVERS, setThreads } from '../index.js'
import { ensureAddon } from './addon.js'
import { Stopped, UsageError } from './errors.js'
import { interruptible } from './interrupt.js'
import { INTEGER, NUMBER, oneOf, POSITIVE, SEED, TEXT } from './kinds.js'
import { DEVICE_OPTION, THREADS_OPTION } from './machine-options.js'
import { addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { printJson, printLine, printWarning } from './output.js'
import { NO_PROGRESS, startProgress } from './progress.js'
import { count, duration, several } from './words.js'

/** How to sample: given on to the library as they are. */
const SAMPLING_OPTIONS = {
  count: { kind: INTEGER, value: 'n', help: 'samples to draw (default: 16)' },
  seed: { kind: SEED, value: 'n', help: 'sample i is that of seed + i, whatever the count (default: 0)' },
  solver: { kind: oneOf(SOLVERS), value: 'name', help: `${SOLVERS.join(', ')} (default: rk45)` },
  rtol: { kind: NUMBER, value: 'x', help: 'rk45: relative tolerance (default: 1e-4)' },
  atol: { kind: NUMBER, value: 'x', help: 'rk45: absolute tolerance (default: 1e-4)' },
  steps: { kind: INTEGER, value: 'n', help: 'heun, euler: steps (default: 100)' },
  batchTolerance: {
    kind: oneOf(['sample', 'joint']),
    value: 'kind',
    help: 'rk45: steps for each sample, or joint ones as published (default: sample)',
  },
  batchSize: { kind: INTEGER, value: 'n', help: 'samples at once; bounds memory (default: 256)' },
} as const

const OPTIONS = {
  out: { kind: TEXT, value: 'file', help: 'PNG file to write (default: samples.png)' },
  ...SAMPLING_OPTIONS,
  columns: { kind: POSITIVE, value: 'n', help: 'images in a row (default: as near to a square as can be)' },
  ...DEVICE_OPTION,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `
What <model> may be: a run folder, a checkpoint or model file, or digits, which comes with the package.

Examples:
  npx pfgm-torch sample digits --out grid.png
  npx pfgm-torch sample runs/digits --count 64 --seed 100 --out grid.png
  npx pfgm-torch sample runs/digits --solver heun --steps 20`

export function addSampleCommand(program: Command): void {
  const command = program
    .command('sample')
    .summary('draw samples from a model')
    .description('Draws samples from a trained model and writes their picture.')
    .argument('<model>', 'model to draw from, see below')
  addOptions(command, OPTIONS)
    .option('--config <file>', 'JSON file with options, camelCase; flags go before it')
    .option('--json', 'print the results as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(runSample)
}

async function runSample(model: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const out = settings.out ?? 'samples.png'
  await expectWritablePng(out)
  await ensureAddon()
  await setThreads(settings.threads)
  const result = await interruptible((signal) => draw(model, out, settings, flags, signal))
  if (flags.json) printJson(result)
  else printResult(model, result)
  if (result.outside > 0) {
    printWarning(
      `${several(result.outside, 'sample')} of ${count(result.count)} left the region that the network was trained on`,
    )
  }
}

/** What would only show after the sampling is refused before it. */
async function expectWritablePng(out: string): Promise<void> {
  const received = `but received ${out}`
  if (extname(out).toLowerCase() !== '.png') {
    throw new UsageError(`Expected --out to end in .png, the format that can be written, ${received}`)
  }
  const folder = dirname(out)
  if (!(await isFolder(folder))) {
    throw new UsageError(`Expected --out to be in a folder ${received}: there is no folder ${folder}`)
  }
  if (await isFolder(out)) throw new UsageError(`Expected --out to be a file ${received}, a folder`)
  await access(folder, constants.W_OK)
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}

async function draw(
  model: string,
  picture: string,
  settings: Settings<typeof OPTIONS>,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  using flow = await PoissonFlow.load(model, pick(settings, DEVICE_OPTION))
  const progress = json ? NO_PROGRESS : startProgress()
  const onProgress = ({ finished, count, fraction, evaluations }: PoolProgress) =>
    progress.update(
      fraction,
      `${finished} of ${several(count, 'sample')}, ${Math.round(evaluations / count)} evaluations each so far`,
    )
  const began = performance.now()
  try {
    const drawn = await flow.sample({ ...pick(settings, SAMPLING_OPTIONS), signal, onProgress })
    using images = drawn.images
    const seconds = (performance.now() - began) / 1000
    await images.savePng(picture, settings.columns === undefined ? {} : { columns: settings.columns })
    const outside = drawn.outside.reduce((sum, left) => sum + left, 0)
    return { type: 'end', picture, count: images.shape[0] ?? 0, evaluations: drawn.nfe, seconds, outside }
  } catch (error) {
    if (!(error instanceof Stopped) || error.message === '') throw error
    throw new Stopped(error.exitCode, `${error.message}: nothing was written`)
  } finally {
    progress.end()
  }
}

interface Drawn {
  readonly picture: string
  readonly count: number
  readonly evaluations: number
  readonly seconds: number
}

function printResult(model: string, { picture, count: drawn, evaluations, seconds }: Drawn): void {
  printLine(`${picture}: ${several(drawn, 'sample')} of ${model}`)
  printLine(`${evaluations.toFixed(0)} evaluations of the network a sample, ${duration(seconds)} in all`)
}
