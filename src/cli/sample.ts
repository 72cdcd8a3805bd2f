import type { Command } from 'commander'
import {
  type ChosenSolver,
  CONTROLLERS,
  FILM_EXTENSIONS,
  PoissonFlow,
  readMultistepTable,
  type SampleOptions,
  SCHEDULES,
  SOLVERS,
  saveFilm,
  setThreads,
} from '../index.js'
import { ensureAddon } from './addon.js'
import { flagOf, UsageError } from './errors.js'
import { follow } from './follow.js'
import { readFiles } from './images.js'
import { interruptible } from './interrupt.js'
import { INTEGER, NUMBER, oneOf, POSITIVE, SEED, TEXT } from './kinds.js'
import { DEVICE_OPTION, THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine, printWarning } from './output.js'
import { countOutside, warnOutside } from './warnings.js'
import { count, duration, several } from './words.js'

/** How to sample: given on to the library as they are. */
const SAMPLING_OPTIONS = {
  count: { kind: INTEGER, value: 'n', help: 'samples to draw (default: 16)' },
  seed: { kind: SEED, value: 'n', help: 'sample i is that of seed + i, whatever the count (default: 0)' },
  solver: {
    kind: oneOf([...SOLVERS, 'auto']),
    value: 'name',
    help: `${SOLVERS.join(', ')}, or auto, the best for --error or --evaluations (default: rk45)`,
  },
  error: {
    kind: NUMBER,
    value: 'x',
    help: 'auto: mean error of pixels in [0, 1], at the fewest evaluations',
  },
  evaluations: { kind: INTEGER, value: 'n', help: 'auto: mean evaluations a sample, with the least error' },
  rtol: {
    kind: NUMBER,
    value: 'x',
    help: 'adaptive: relative tolerance (default: 1e-4, adaptive-unipc 0.01)',
  },
  atol: {
    kind: NUMBER,
    value: 'x',
    help: 'adaptive: absolute tolerance (default: 1e-4, adaptive-unipc 0.002)',
  },
  controller: {
    kind: oneOf(CONTROLLERS),
    value: 'name',
    help: `what sets the steps, ${CONTROLLERS.join(', ')} (default: i if rk45, tsit5, bs23, else constant)`,
  },
  steps: { kind: INTEGER, value: 'n', help: 'constant: steps (default: 100)' },
  schedule: {
    kind: oneOf(SCHEDULES),
    value: 'name',
    help: 'constant: heights uniform in ln z, karras, or searched for the model (default: karras if multistep, else uniform)',
  },
  order: {
    kind: INTEGER,
    value: 'n',
    help: 'ipndm, deis, unipc, adaptive-unipc: order (default: 3, unipc 2)',
  },
  rho: { kind: NUMBER, value: 'x', help: 'karras: density near the data (default: 7)' },
  batchTolerance: {
    kind: oneOf(['sample', 'joint']),
    value: 'kind',
    help: 'rk45: steps for each sample, or joint ones as published (default: sample)',
  },
  batchSize: { kind: INTEGER, value: 'n', help: 'samples at once; bounds memory (default: 256)' },
  maxEvaluations: {
    kind: INTEGER,
    value: 'n',
    help: 'most evaluations of a sample, which then ends where it is (default: no limit)',
  },
  temperature: { kind: NUMBER, value: 'x', help: 'scales how far out samples start (default: 1)' },
} as const

const FILM_OPTIONS = {
  frames: { kind: INTEGER, value: 'n', help: 'film: frames at even steps in ln z (default: 24)' },
} as const

const OPTIONS = {
  out: { kind: TEXT, value: 'file', help: 'PNG file to write (default: samples.png)' },
  ...SAMPLING_OPTIONS,
  solverTable: {
    kind: TEXT,
    value: 'file',
    help: 'JSON file with the weights and heights of a multistep solver, in place of --solver and its options',
  },
  from: { kind: NUMBER, value: 'z', help: 'start at height z around the images; the lower, the more stays' },
  film: {
    kind: TEXT,
    value: 'file',
    help: 'also film how the samples form: .png is a strip, .webp and .gif move',
  },
  ...FILM_OPTIONS,
  columns: { kind: POSITIVE, value: 'n', help: 'images in a row (default: as near to a square as can be)' },
  ...DEVICE_OPTION,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `
What <model> may be: a run folder, a checkpoint or model file, or digits, which comes with the package.

Examples:
  npx pfgm-torch sample digits --out grid.png
  npx pfgm-torch sample runs/digits --count 64 --seed 100 --out grid.png
  npx pfgm-torch sample runs/digits --solver heun --steps 20
  npx pfgm-torch sample runs/digits --solver unipc --steps 15 --schedule searched
  npx pfgm-torch sample runs/digits --solver auto --error 0.004
  npx pfgm-torch sample digits --from 1 --count 16 photo.png
  npx pfgm-torch sample digits --film film.webp`

export function addSampleCommand(program: Command): void {
  const command = program
    .command('sample')
    .summary('draw samples from a model')
    .description('Draws samples from a trained model and writes their picture.')
    .argument('<model>', 'model to draw from, see below')
    .argument('[images...]', 'image files to start around, with --from')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runSample)
}

async function runSample(model: string, sources: string[], flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const out = settings.out ?? 'samples.png'
  await expectWritable(out, '.png')
  if (settings.film !== undefined) await expectWritable(settings.film, FILM_EXTENSIONS, '--film')
  else if (settings.frames !== undefined) {
    throw new UsageError(`Expected --frames to be given with --film but received ${settings.frames} alone`)
  }
  await ensureAddon()
  await setThreads(settings.threads)
  const result = await interruptible((signal) => draw(model, sources, out, settings, flags, signal))
  if (flags.json) printJson(result)
  else printResult(model, result)
  if (result.unfinished > 0) {
    printWarning(
      `${several(result.unfinished, 'sample')} of ${count(result.count)} ended early, at the most evaluations`,
    )
  }
  warnOutside('sample', result.outside, result.count)
}

async function draw(
  model: string,
  sources: readonly string[],
  picture: string,
  settings: Settings<typeof OPTIONS>,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  const table =
    settings.solverTable === undefined ? {} : { solverTable: await readMultistepTable(settings.solverTable) }
  using flow = await PoissonFlow.load(model, pick(settings, DEVICE_OPTION))
  const began = performance.now()
  return await follow('sample', json, async (onProgress, onSearch) => {
    const start = await startOf(flow, sources, settings)
    const film = settings.film === undefined ? {} : { film: pick(settings, FILM_OPTIONS) }
    const sampling = { ...pick(settings, SAMPLING_OPTIONS), ...table, ...start, ...film }
    const drawn = await flow.sample({ ...sampling, signal, onProgress, onSearch })
    start.from?.images.dispose()
    using images = drawn.images
    const seconds = (performance.now() - began) / 1000
    const layout = settings.columns === undefined ? {} : { columns: settings.columns }
    await images.savePng(picture, layout)
    if (drawn.film && settings.film !== undefined) {
      using _frames = drawn.film.images
      await saveFilm(drawn.film, settings.film, layout)
    }
    const outside = countOutside(drawn.outside)
    const unfinished = drawn.status.filter((status) => status !== 'done').length
    return {
      type: 'end',
      picture,
      ...(settings.film === undefined ? {} : { film: settings.film }),
      count: images.shape[0] ?? 0,
      evaluations: drawn.nfe,
      ...(drawn.chosen && { chosen: drawn.chosen }),
      seconds,
      networkSeconds: drawn.seconds.network,
      outside,
      unfinished,
    }
  })
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

interface Drawn {
  readonly picture: string
  readonly film?: string
  readonly count: number
  readonly evaluations: number
  readonly chosen?: ChosenSolver
  readonly seconds: number
}

function printResult(model: string, result: Drawn): void {
  const { picture, film, count: drawn, evaluations, chosen, seconds } = result
  printLine(`${picture}: ${several(drawn, 'sample')} of ${model}`)
  if (film !== undefined) printLine(`${film}: how they form`)
  if (chosen) printLine(choiceLine(chosen))
  printLine(`${evaluations.toFixed(0)} evaluations of the network a sample, ${duration(seconds)} in all`)
}

function choiceLine({ settings, mean, evaluations, count: starts }: ChosenSolver): string {
  const flags = Object.entries(settings).map(([name, value]) => `${flagOf(name)} ${value}`)
  return `chosen: ${flags.join(' ')}, on ${several(starts, 'start')} a mean error of ${Number(mean.toPrecision(2))} at ${evaluations.toFixed(1)} evaluations`
}
