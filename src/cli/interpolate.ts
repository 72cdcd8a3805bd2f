import type { Command } from 'commander'
import type { ImageTensor, PoissonFlow } from '../index.js'
import { ensureAddonWith } from './addon.js'
import { UsageError } from './errors.js'
import { follow } from './follow.js'
import { isImageFile, readFiles } from './images.js'
import { interruptible } from './interrupt.js'
import { INTEGER, SEED, TEXT } from './kinds.js'
import { LABEL_OPTION, oneLabel } from './label-options.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine } from './output.js'
import { PATH_OPTIONS } from './path-options.js'
import { countOutside, warnOutside } from './warnings.js'
import { duration, several } from './words.js'

/** Given on to the library as they are. */
const INTERPOLATION_OPTIONS = {
  steps: { kind: INTEGER, value: 'n', help: 'images, both ends included (default: 8)' },
  ...PATH_OPTIONS,
} as const

const OPTIONS = {
  out: { kind: TEXT, value: 'file', help: 'PNG file to write, a strip (default: interpolation.png)' },
  ...INTERPOLATION_OPTIONS,
  ...LABEL_OPTION,
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `
What <from> and <to> may be: image files, or whole numbers, the seeds of two samples.

Examples:
  npx pfgm-torch interpolate digits 3 8 --out strip.png
  npx pfgm-torch interpolate runs/photos one.png two.png --steps 12`

export function define(command: Command): void {
  command
    .description('Draws the images between two, along the arc between their encodings, as a strip.')
    .argument('<model>', 'a run folder, a checkpoint or model file, digits or fashion')
    .argument('<from>', 'first image or seed')
    .argument('<to>', 'last image or seed')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runInterpolate)
}

async function runInterpolate(model: string, from: string, to: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const out = settings.out ?? 'interpolation.png'
  await expectWritable(out, '.png')
  const ends = [endOf('from', from), endOf('to', to)] as const
  await ensureAddonWith(settings)
  const result = await interruptible((signal) => interpolate(model, ends, out, settings, flags, signal))
  if (flags.json) printJson(result)
  else
    printLine(`${out}: ${several(result.count, 'image')} from ${from} to ${to}, ${duration(result.seconds)}`)
  warnOutside('image', result.outside, result.count)
}

/** A seed, or the path of an image. */
function endOf(name: string, text: string): bigint | string {
  const seed = SEED.schema.safeParse(text)
  if (seed.success) return seed.data
  if (isImageFile(text)) return text
  throw new UsageError(`Expected <${name}> to be an image file or the seed of a sample but received ${text}`)
}

async function interpolate(
  model: string,
  ends: readonly [bigint | string, bigint | string],
  picture: string,
  settings: Settings<typeof OPTIONS>,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  const began = performance.now()
  return await follow('image', json, async (onProgress) => {
    using from = await imageOf(flow, ends[0], settings, signal)
    using to = await imageOf(flow, ends[1], settings, signal)
    const options = {
      ...pick(settings, INTERPOLATION_OPTIONS),
      ...oneLabel(flow, settings),
      signal,
      onProgress,
    }
    const { images, outside, nfe } = await flow.interpolate(from, to, options)
    using strip = images
    const count = strip.shape[0] ?? 0
    await strip.savePng(picture, { columns: count })
    const seconds = (performance.now() - began) / 1000
    const left = countOutside(outside)
    return { type: 'end', picture, count, evaluations: nfe, seconds, outside: left }
  })
}

async function imageOf(
  flow: PoissonFlow,
  end: bigint | string,
  settings: Settings<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<ImageTensor> {
  if (typeof end === 'string') return readFiles(flow, [end])
  const tolerances = { solver: 'rk45', rtol: settings.rtol ?? 1e-5, atol: settings.atol ?? 1e-5 } as const
  const labels = oneLabel(flow, settings)
  return (await flow.sample({ count: 1, seed: end, ...labels, ...tolerances, signal })).images
}
