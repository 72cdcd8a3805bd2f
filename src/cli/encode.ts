import type { Command } from 'commander'
import { ensureAddonWith } from './addon.js'
import { follow } from './follow.js'
import { IMAGES_HELP, readImages } from './images.js'
import { interruptible } from './interrupt.js'
import { POSITIVE, TEXT } from './kinds.js'
import { LABEL_OPTION, oneLabel } from './label-options.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { THREADS_OPTION } from './machine-options.js'
import { MODEL_DATA_OPTIONS } from './model-data.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings, type Settings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine } from './output.js'
import { PATH_OPTIONS } from './path-options.js'
import { countOutside, warnOutside } from './warnings.js'
import { duration, several } from './words.js'

const OPTIONS = {
  out: { kind: TEXT, value: 'file', help: 'NumPy file to write, float64 (default: encodings.npy)' },
  count: { kind: POSITIVE, value: 'n', help: 'items of a data set (default: 16)' },
  ...LABEL_OPTION,
  ...PATH_OPTIONS,
  ...MODEL_DATA_OPTIONS,
  ...MODEL_OPTIONS,
  ...THREADS_OPTION,
} as const

const EXAMPLES = `${IMAGES_HELP}

Examples:
  npx pfgm-torch encode digits digits --count 100 --out encodings.npy
  npx pfgm-torch encode runs/photos one.png two.png`

export function define(command: Command): void {
  command
    .description(
      'Follows images along the field to the far plane, where samples start, and writes the points there.',
    )
    .argument('<model>', 'a run folder, a checkpoint or model file, digits or fashion')
    .argument('<images...>', 'images to encode, see below')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runEncode)
}

async function runEncode(model: string, sources: string[], flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const out = settings.out ?? 'encodings.npy'
  await expectWritable(out, '.npy')
  await ensureAddonWith(settings)
  const result = await interruptible((signal) => encode(model, sources, out, settings, flags, signal))
  if (flags.json) printJson(result)
  else {
    printLine(`${out}: ${several(result.count, 'encoding')}, float64 [${result.shape.join(', ')}]`)
    printLine(
      `${result.evaluations.toFixed(0)} evaluations of the network an image, ${duration(result.seconds)} in all`,
    )
  }
  warnOutside('image', result.outside, result.count)
}

async function encode(
  model: string,
  sources: readonly string[],
  out: string,
  settings: Settings<typeof OPTIONS>,
  { json }: CommonFlags,
  signal: AbortSignal,
) {
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  const { images } = await readImages(flow, sources, settings.count, { ...settings, signal })
  using data = images
  const began = performance.now()
  return await follow('image', json, async (onProgress) => {
    const found = await flow.encode(data, {
      ...pick(settings, PATH_OPTIONS),
      ...oneLabel(flow, settings),
      signal,
      onProgress,
    })
    using encodings = found.encodings
    const seconds = (performance.now() - began) / 1000
    await encodings.saveNpy(out)
    const outside = countOutside(found.outside)
    const { shape } = encodings
    return {
      type: 'end',
      encodings: out,
      count: shape[0] ?? 0,
      shape,
      evaluations: found.nfe,
      seconds,
      outside,
    }
  })
}
