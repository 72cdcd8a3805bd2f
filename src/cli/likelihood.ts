import type { Command } from 'commander'
import { PoissonFlow, setThreads } from '../index.js'
import { ensureAddon } from './addon.js'
import { follow } from './follow.js'
import { IMAGES_HELP, readImages } from './images.js'
import { interruptible } from './interrupt.js'
import { INTEGER, oneOf, POSITIVE, SEED, SWITCH } from './kinds.js'
import { DEVICE_OPTION, THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { printHint, printJson, printLine } from './output.js'
import { PATH_OPTIONS } from './path-options.js'
import { warnOutside } from './warnings.js'
import { duration, table } from './words.js'

/** Given on to the library as they are. */
const LIKELIHOOD_OPTIONS = {
  divergence: {
    kind: oneOf(['auto', 'exact', 'hutchinson']),
    value: 'kind',
    help: 'auto, exact, hutchinson (default: auto, exact in up to 16 dimensions)',
  },
  probes: { kind: INTEGER, value: 'n', help: 'hutchinson: random probes an image (default: 4)' },
  seed: { kind: SEED, value: 'n', help: 'image i draws from seed + i (default: 0)' },
  dequantize: {
    kind: SWITCH,
    help: 'add uniform noise of one grey level (default: to pixels, not to float data)',
    no: 'take the values as they are',
  },
  levels: { kind: INTEGER, value: 'n', help: 'grey levels, for the noise and bits/dim (default: 256)' },
  constant: {
    kind: oneOf(['exact', 'published']),
    value: 'kind',
    help: "exact, or the published code's sphere area (default: exact)",
  },
  ...PATH_OPTIONS,
} as const

const OPTIONS = {
  count: { kind: POSITIVE, value: 'n', help: 'items of a data set (default: 16)' },
  ...LIKELIHOOD_OPTIONS,
  ...DEVICE_OPTION,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `${IMAGES_HELP}

Each line: the image, bits per dimension, ln p in nats and, of estimates, their standard error.

Examples:
  npx pfgm-torch likelihood digits digits --count 100
  npx pfgm-torch likelihood runs/photos one.png two.png --probes 16`

export function addLikelihoodCommand(program: Command): void {
  const command = program
    .command('likelihood')
    .summary('how likely images are under a model')
    .description('Computes the log-likelihood of images under a trained model.')
    .argument('<model>', 'a run folder, a checkpoint or model file, or digits')
    .argument('<images...>', 'images to look at, see below')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runLikelihood)
}

async function runLikelihood(model: string, sources: string[], flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  await ensureAddon()
  await setThreads(settings.threads)
  const result = await interruptible((signal) => measure(model, sources, settings, flags, signal))
  if (flags.json) printJson(result)
  else printResult(result)
  warnOutside('image', result.images.filter(({ outside }) => outside).length, result.images.length)
}

type Result = Awaited<ReturnType<typeof measure>>

async function measure(
  model: string,
  sources: readonly string[],
  settings: Settings<typeof OPTIONS>,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  using flow = await PoissonFlow.load(model, pick(settings, DEVICE_OPTION))
  const { images, names } = await readImages(flow, sources, settings.count)
  using data = images
  const began = performance.now()
  const found = await follow('image', json, (onProgress) =>
    flow.logLikelihood(data, { ...pick(settings, LIKELIHOOD_OPTIONS), signal, onProgress }),
  )
  return {
    type: 'end',
    divergence: found.divergence,
    evaluations: found.nfe,
    seconds: (performance.now() - began) / 1000,
    images: names.map((name, i) => ({
      name,
      bitsPerDimension: found.bitsPerDimension[i]!,
      logLikelihood: found.logLikelihoods[i]!,
      standardError: found.standardErrors[i]!,
      outside: found.outside[i] === 1,
    })),
  }
}

function printResult({ divergence, evaluations, seconds, images }: Result): void {
  const error = (value: number) =>
    divergence === 'exact' || Number.isNaN(value) ? '' : ` +- ${value.toFixed(2)}`
  const lines = images.map(({ name, bitsPerDimension, logLikelihood, standardError }): [string, string] => [
    name,
    `${bitsPerDimension.toFixed(4)} bits/dim  ${logLikelihood.toFixed(2)}${error(standardError)} nats`,
  ])
  printLine(table(lines))
  const mean = images.reduce((sum, { bitsPerDimension }) => sum + bitsPerDimension, 0) / images.length
  printHint(
    `mean ${mean.toFixed(4)} bits/dim, ${divergence} divergence, ${evaluations.toFixed(0)} evaluations an image, ${duration(seconds)} in all`,
  )
}
