import { mkdir, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { type ComparisonPoint, compareSolvers, PoissonFlow, type SolverName, setThreads } from '../index.js'
import { ensureAddon } from './addon.js'
import { Stopped, UsageError } from './errors.js'
import { interruptible } from './interrupt.js'
import { INTEGER, SEED, TEXT } from './kinds.js'
import { DEVICE_OPTION, THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { printJson, printLine } from './output.js'
import { NO_PROGRESS, startProgress } from './progress.js'
import { solversChart } from './solvers-chart.js'

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
  out: { kind: TEXT, value: 'folder', help: 'where to write (default: the run folder, else here)' },
  ...DEVICE_OPTION,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `
Writes solvers.json and solvers.svg. Errors are those of pixels in [0, 1] against rk45 at a tolerance of 1e-7.

Examples:
  npx pfgm-torch solvers runs/digits
  npx pfgm-torch solvers digits --count 16 --evaluations 10,20 --out .`

export function addSolversCommand(program: Command): void {
  const command = program
    .command('solvers')
    .summary("compare the solvers' errors on a model")
    .description('Compares all solvers and schedules on a model: error against evaluations, table and chart.')
    .argument('<model>', 'a run folder, a checkpoint or model file, or digits, which comes with the package')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runSolvers)
}

async function runSolvers(model: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const evaluations = parseEvaluations(settings.evaluations)
  const folder = settings.out ?? ((await isFolder(model)) ? model : '.')
  await mkdir(folder, { recursive: true })
  await ensureAddon()
  await setThreads(settings.threads)
  const comparison = await interruptible((signal) => compare(model, settings, evaluations, flags, signal))
  const [json, chart] = [join(folder, 'solvers.json'), join(folder, 'solvers.svg')]
  await writeFile(json, `${JSON.stringify(comparison, undefined, 2)}\n`)
  await writeFile(
    chart,
    solversChart(comparison.points, `Solvers on ${basename(model)}, ${comparison.count} starts`),
  )
  if (flags.json) return printJson({ type: 'end', chart, ...comparison })
  for (const line of comparisonTable(comparison.points)) printLine(line)
  printLine(`\n${json}\n${chart}`)
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
  evaluations: number[] | undefined,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  using flow = await PoissonFlow.load(model, pick(settings, DEVICE_OPTION))
  const progress = json ? NO_PROGRESS : startProgress()
  try {
    return await compareSolvers(flow, {
      ...pick(settings, STARTS),
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
  }
}

function comparisonTable(points: readonly ComparisonPoint[]): string[] {
  const heading = ['solver', 'evaluations', 'mean', 'median', '90 %', '99 %']
  const rows = points.map(({ solver, evaluations, mean, median, percentile90, percentile99 }) => [
    solver,
    evaluations.toFixed(1),
    ...[mean, median, percentile90, percentile99].map((error) => error.toFixed(5)),
  ])
  const widths = heading.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)))
  return [heading, ...rows].map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}
