import type { Command } from 'commander'
import { ensureAddonWith } from './addon.js'
import { flagOf, UsageError } from './errors.js'
import { follow } from './follow.js'
import { IMAGES_HELP, readImages } from './images.js'
import { interruptible } from './interrupt.js'
import { INTEGER, NUMBER, oneOf, POSITIVE, SEED, SWITCH, TEXT } from './kinds.js'
import { LABEL_OPTION, oneLabel } from './label-options.js'
import { library } from './library.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { MODEL_DATA_OPTIONS } from './model-data.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printHint, printJson, printLine, printWarning } from './output.js'
import { PATH_OPTIONS } from './path-options.js'
import { warnOutside } from './warnings.js'
import { duration, several, table } from './words.js'

/** Of a picture of the density; given on to the library as they are. */
const GRID_OPTIONS = {
  side: { kind: INTEGER, value: 'n', help: 'density: cells along a side (default: 96)' },
  extent: { kind: NUMBER, value: 'x', help: 'density: half the width of the square (default: 1.25)' },
} as const

/** Of images; all but the count are given on to the library as they are. */
const IMAGE_OPTIONS = {
  count: { kind: POSITIVE, value: 'n', help: 'items of a data set (default: 16)' },
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
} as const

const OPTIONS = {
  ...IMAGE_OPTIONS,
  ...LABEL_OPTION,
  ...PATH_OPTIONS,
  density: {
    kind: TEXT,
    value: 'file',
    help: "draw the density of a model of points in the plane, a '.png'",
  },
  ...GRID_OPTIONS,
  ...MODEL_DATA_OPTIONS,
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `${IMAGES_HELP}

Each line: the image, bits per dimension, ln p in nats and, of estimates, their standard error.

Examples:
  npx pfgm-torch likelihood digits digits --count 100
  npx pfgm-torch likelihood runs/photos one.png two.png --probes 16
  npx pfgm-torch likelihood runs/two-moons --density density.png`

export function define(command: Command): void {
  command
    .description('Computes the log-likelihood of images under a trained model.')
    .argument('<model>', 'a run folder, a checkpoint or model file, digits or fashion')
    .argument('[images...]', 'images to look at, see below')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runLikelihood)
}

async function runLikelihood(model: string, sources: string[], flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  if (settings.density !== undefined) return drawDensity(model, sources, settings, settings.density, flags)
  const grid = Object.keys(pick(settings, GRID_OPTIONS))
  if (grid.length > 0) throw new UsageError(`Expected ${flagOf(grid[0]!)} with --density but received none`)
  if (sources.length === 0) throw new UsageError('Expected images, or --density, but received neither')
  await ensureAddonWith(settings)
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
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  const { count, ...options } = pick(settings, { ...IMAGE_OPTIONS, ...PATH_OPTIONS })
  const { images, names } = await readImages(flow, sources, count, { ...settings, signal })
  using data = images
  const began = performance.now()
  const found = await follow('image', json, (onProgress) =>
    flow.logLikelihood(data, { ...options, ...oneLabel(flow, settings), signal, onProgress }),
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

async function drawDensity(
  model: string,
  sources: readonly string[],
  settings: Settings<typeof OPTIONS>,
  picture: string,
  flags: CommonFlags,
): Promise<void> {
  const others = [
    ...sources,
    ...Object.keys(pick(settings, { ...IMAGE_OPTIONS, ...MODEL_DATA_OPTIONS })).map(flagOf),
  ]
  if (others.length > 0) throw new UsageError(`Expected --density without images but received ${others[0]}`)
  await expectWritable(picture, '.png', '--density')
  await ensureAddonWith(settings)
  const { integral, lost, evaluations } = await interruptible(async (signal) => {
    using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
    const options = {
      ...pick(settings, GRID_OPTIONS),
      ...pick(settings, PATH_OPTIONS),
      ...oneLabel(flow, settings),
      signal,
    }
    const found = await follow('cell', flags.json, (onProgress) => flow.density({ ...options, onProgress }))
    using density = found.density
    const { densityImage } = await library()
    using image = await densityImage(density)
    await image.savePng(picture)
    return { integral: found.integral, lost: found.lost, evaluations: found.nfe }
  })
  if (lost > 0)
    printWarning(`${several(lost, 'cell')} left white: the field on the way up is not smooth there`)
  if (flags.json) return printJson({ type: 'end', density: picture, integral, lost, evaluations })
  printLine(picture)
  printLine(`the density integrates to ${integral.toFixed(4)} over the square`)
}
