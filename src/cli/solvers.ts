import { mkdir, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { Command } from 'commander'
import { writeWhole } from '../files/whole-file.js'
import type { PoissonFlow, SolverComparison, SolverName, Tensor } from '../index.js'
import { ensureAddonWith } from './addon.js'
import { Stopped, UsageError } from './errors.js'
import { dataTensor } from './images.js'
import { interruptible } from './interrupt.js'
import { INTEGER, SEED, TEXT } from './kinds.js'
import { library } from './library.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { expectTaken, MODEL_DATA_OPTIONS, openDataFor, type Reading } from './model-data.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine } from './output.js'
import { NO_PROGRESS, startProgress } from './progress.js'
import { openData } from './reading.js'
import { PRECISION_OPTIONS } from './sampling-options.js'
import { columns } from './words.js'

const STARTS = {
  count: { kind: INTEGER, value: 'n', help: 'fresh starts to compare on (default: 64)' },
  seed: { kind: SEED, value: 'n', help: 'start i is that of seed + i (default: 0)' },
} as const

const OPTIONS = {
  ...STARTS,
  evaluations: {
    kind: TEXT,
    value: 'list',
    help: 'evaluations a sample to compare at (default: 8,10,12,15,20,30,50)',
  },
  solvers: { kind: TEXT, value: 'list', help: 'solvers to compare, such as rk45,dpm2m (default: all)' },
  data: {
    kind: TEXT,
    value: 'data',
    help: "data as for train, to measure energy distances to (default: the model's own, if in the package)",
  },
  out: {
    kind: TEXT,
    value: 'path',
    help: "a folder, or a file of one of both, '.svg' or '.json' (default: the run folder, else here)",
  },
  ...PRECISION_OPTIONS,
  ...MODEL_DATA_OPTIONS,
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const

/** What a comparison is written as: figures and a chart. */
const FILES = ['.json', '.svg']

/** The data's first items: more would make the energy distance take longer than the solvers. */
const MOST_DATA = 2000

const EXAMPLES = `
Writes solvers.json and solvers.svg, or what --out names. Errors are those of pixels in [0, 1] against rk45 at a tolerance of 1e-7. A
solver's order is measured on its three points of most evaluations. Energy distances are to the first ${MOST_DATA} items.

Examples:
  npx pfgm-torch solvers runs/digits
  npx pfgm-torch solvers runs/photos --data folder:photos --count 900
  npx pfgm-torch solvers digits --count 16 --evaluations 10,20 --out chart.svg`

export function define(command: Command): void {
  command
    .description('Compares all solvers and schedules on a model: error against evaluations, table and chart.')
    .argument(
      '<model>',
      'a run folder, a checkpoint or model file, or digits or fashion, which come with the package',
    )
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runSolvers)
}

async function runSolvers(model: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const evaluations = parseEvaluations(settings.evaluations)
  const out = settings.out ?? ((await isFolder(model)) ? model : '.')
  const isFile = await namesFile(out)
  if (isFile) await expectWritable(out, FILES)
  await ensureAddonWith(settings)
  const comparison = await interruptible((signal) =>
    compare(model, settings, isFile ? undefined : out, evaluations, flags, signal),
  )
  const written = isFile ? [out] : FILES.map((extension) => join(out, `solvers${extension}`))
  for (const path of written) await writeWhole(path, await contentOf(path, comparison, model))
  const chart = written.find(isChart)
  if (flags.json) return printJson({ type: 'end', ...(chart !== undefined && { chart }), ...comparison })
  for (const line of pointsTable(comparison)) printLine(line)
  printLine('')
  for (const line of solversTable(comparison)) printLine(line)
  printLine(`\n${written.join('\n')}`)
}

/** A name that ends like a file is one, unless there is a folder of that name. */
async function namesFile(path: string): Promise<boolean> {
  return FILES.includes(extname(path).toLowerCase()) && !(await isFolder(path))
}

const isChart = (path: string): boolean => extname(path).toLowerCase() === '.svg'

async function contentOf(path: string, comparison: SolverComparison, model: string): Promise<string> {
  if (!isChart(path)) return `${JSON.stringify(comparison, undefined, 2)}\n`
  const { solversChart } = await library()
  return solversChart(comparison, `Solvers on ${basename(model)}, ${comparison.count} starts`)
}

function parseEvaluations(list: string | undefined): number[] | undefined {
  if (list === undefined) return undefined
  if (/^\d+(,\d+)*$/.test(list)) return list.split(',').map(Number)
  throw new UsageError(
    `Expected --evaluations to be whole numbers with commas between them but received ${JSON.stringify(list)}`,
  )
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}

async function compare(
  model: string,
  settings: Settings<typeof OPTIONS>,
  folder: string | undefined,
  evaluations: number[] | undefined,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  if (folder !== undefined) await mkdir(folder, { recursive: true }) // not before: a new folder could have a shipped model's name
  const data = await readData(flow, settings.data, { ...settings, signal })
  const { compareSolvers } = await library()
  const progress = json ? NO_PROGRESS : startProgress()
  try {
    return await compareSolvers(flow, {
      ...pick(settings, STARTS),
      ...pick(settings, PRECISION_OPTIONS),
      ...(data && { data }),
      ...(evaluations && { evaluations }),
      ...(settings.solvers !== undefined && { solvers: settings.solvers.split(',') as SolverName[] }),
      signal,
      onProgress: (fraction, solver) => progress.update(fraction, solver),
    })
  } catch (error) {
    if (!(error instanceof Stopped) || error.message === '') throw error
    throw new Stopped(error.exitCode, `${error.message}: nothing was written`)
  } finally {
    progress.end()
    data?.dispose()
  }
}

/** Data that was named, or that the model was trained on if it comes with the package. */
async function readData(
  flow: PoissonFlow,
  name: string | undefined,
  reading: Reading,
): Promise<Tensor | undefined> {
  await expectTaken(reading, name === undefined ? [] : [name])
  if (name !== undefined) return dataTensor(await openDataFor(flow, name, '--data', reading), MOST_DATA)
  const { TOY_KINDS } = await library()
  const known = flow.config.data
  if (known !== 'digits' && !(TOY_KINDS as readonly string[]).includes(known)) return undefined
  const data = await openData(known)
  return data.shape.join() === flow.network.itemShape.join() ? dataTensor(data, MOST_DATA) : undefined
}

function pointsTable({ points, energyDistance }: SolverComparison): string[] {
  const measured = energyDistance !== undefined
  const heading = ['solver', 'evaluations', 'mean', 'median', '90 %', '99 %']
  const rows = points.map(({ solver, evaluations, mean, median, percentile90, percentile99, ...point }) => [
    solver,
    evaluations.toFixed(1),
    ...[mean, median, percentile90, percentile99].map((error) => error.toFixed(5)),
    ...(measured ? [point.energyDistance?.toFixed(5) ?? '-'] : []),
  ])
  return columns([[...heading, ...(measured ? ['energy distance'] : [])], ...rows])
}

function solversTable({ solvers, energyDistance }: SolverComparison): string[] {
  const measured = energyDistance !== undefined
  const rows = solvers.map(({ solver, order, enough }) => [
    solver,
    order?.toFixed(1) ?? '-',
    ...(measured ? [enough?.toFixed(1) ?? '-'] : []),
  ])
  const heading = ['solver', 'order', ...(measured ? ['energy distance within 5 % from'] : [])]
  const converged = measured ? [`converged: energy distance ${energyDistance.toFixed(5)}`] : []
  return [...columns([heading, ...rows]), ...converged]
}
