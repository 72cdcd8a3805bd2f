import type { Command } from 'commander'
import { ensureAddon } from './addon.js'
import { UsageError } from './errors.js'
import { library } from './library.js'
import { BEST_OPTION, loadModel } from './load-model.js'
import { printJson, printLine } from './output.js'
import { packageVersion } from './version.js'
import { count, several, table } from './words.js'

const EXAMPLES = `
Examples:
  npx pfgm-torch info
  npx pfgm-torch info runs/digits --json`

export function define(command: Command): void {
  command
    .description('Shows versions, instruction sets and devices; with a model, also what it is.')
    .argument(
      '[model]',
      'a run folder, a checkpoint or model file, or digits or fashion, which come with the package',
    )
    .option('--best', BEST_OPTION.best.help)
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(runInfo)
}

async function runInfo(
  source: string | undefined,
  { json, best = false }: { json?: boolean; best?: boolean },
): Promise<void> {
  if (best && source === undefined)
    throw new UsageError('Expected a run folder with --best but received none')
  await ensureAddon()
  const runtime = await describeRuntime()
  const model = source === undefined ? undefined : await describeModel(source, best)
  if (json) return printJson({ ...runtime, ...(model && { model }) })
  printLine(table(runtimeRows(runtime)))
  if (model) printLine(`\n${table(modelRows(model))}`)
}

async function describeRuntime() {
  const { info, setThreads } = await library()
  const { libtorch, instructions, fieldKernel, cores, cudaDevices, cudaProblem } = info()
  const gpus = Array.from({ length: cudaDevices }, (_, i) => `cuda:${i}`)
  const devices = ['cpu', ...gpus]
  const threads = await setThreads()
  const node = process.versions.node
  const runtime = {
    version: packageVersion(),
    node,
    libtorch,
    instructions,
    fieldKernel,
    cores,
    threads,
    devices,
  }
  return { ...runtime, ...(cudaProblem !== undefined && { cudaProblem }) }
}

async function describeModel(source: string, best: boolean) {
  using model = await loadModel(source, { best })
  const { network, data, step, flow, classes } = model.config
  const { parameterCount } = model.network
  return { source, data, step, parameterCount, ...(classes && { classes }), network, flow }
}

type Rows = [string, string][]

function runtimeRows(runtime: Awaited<ReturnType<typeof describeRuntime>>): Rows {
  const { version, node, libtorch, instructions, fieldKernel, cores, threads, devices, cudaProblem } = runtime
  const noGpu: Rows = cudaProblem
    ? [['', `no GPU, as libtorch's CUDA library does not load: ${cudaProblem}`]]
    : []
  return [
    ['pfgm-torch', version],
    ['Node.js', node],
    ['libtorch', `${libtorch}, with ${instructions} instructions`],
    ['field kernel', fieldKernel],
    ['devices', devices.join(', ')],
    ...noGpu,
    ['threads', `${threads} (${several(cores, 'core')})`],
  ]
}

function modelRows(model: Awaited<ReturnType<typeof describeModel>>): Rows {
  const { source, data, step, parameterCount, classes, network, flow } = model
  return [
    ['model', source],
    ['trained on', `${data}, ${several(step, 'step')}`],
    ['parameters', count(parameterCount)],
    ...(classes ? [['classes', classes.join(', ')] as [string, string]] : []),
    ...nested('network', network),
    ...nested('flow', flow),
  ]
}

/** A row for each of an object's fields, the object's name before the first. */
function nested(name: string, object: object): Rows {
  return Object.entries(object).map(([key, value], i) => [i === 0 ? name : '', `${key} ${show(value)}`])
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(6)))
  return Array.isArray(value) ? value.join(', ') : String(value)
}
