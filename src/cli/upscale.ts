import type { Command } from 'commander'
import type { ImageSides } from '../index.js'
import { runDrawing } from './drawing.js'
import { UsageError } from './errors.js'
import { imagesOf, readAsItIs } from './images.js'
import { POSITIVE, TEXT } from './kinds.js'
import { KNOWN_OPTIONS, KNOWN_START_OPTIONS } from './known-options.js'
import { oneLabel } from './label-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings } from './options.js'

const OPTIONS = {
  out: {
    kind: TEXT,
    value: 'file',
    help: 'PNG file to write, or .npy for the values (default: upscaled.png)',
  },
  factor: {
    kind: POSITIVE,
    value: 'n',
    help: 'how many times larger than the picture, 2, 4, … (default: what its size says)',
  },
  ...KNOWN_OPTIONS,
} as const

const EXAMPLES = `
What <picture> may be: an image file of the size of the model's images divided by a whole number.

Examples:
  npx pfgm-torch upscale runs/photos small.png --out large.png
  npx pfgm-torch upscale runs/photos small.png --factor 4 --count 9`

export function define(command: Command): void {
  command
    .description('Draws samples whose blocks of pixels have the pixels of a smaller image as their means.')
    .argument('<model>', 'a run folder, a checkpoint or model file, digits or fashion')
    .argument('<picture>', 'small image, see below')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runUpscale)
}

async function runUpscale(model: string, picture: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  await runDrawing(model, settings, flags, {
    thing: 'image',
    of: picture,
    out: settings.out ?? 'upscaled.png',
    aloneAsItIs: true,
    async draw(flow, options) {
      const { channels, height, width } = imagesOf(flow, picture)
      const sizes = smallerSizes([height, width], settings.factor)
      const why = `the model's ${width} x ${height} divided by ${settings.factor ?? 'a whole number'}`
      using image = await readAsItIs(picture, channels, sizes, why)
      const chosen = { ...pick(settings, KNOWN_START_OPTIONS), ...oneLabel(flow, settings) }
      return await flow.upscale(image, { ...chosen, ...options })
    },
  })
}

/** The sizes that a size may be divided to, by one factor or by any. */
function smallerSizes([height, width]: ImageSides, factor?: number): ImageSides[] {
  const factors = factor === undefined ? Array.from({ length: height - 1 }, (_, i) => i + 2) : [factor]
  const sizes = factors.flatMap((by): ImageSides[] =>
    by >= 2 && height % by === 0 && width % by === 0 ? [[height / by, width / by]] : [],
  )
  if (sizes.length > 0) return sizes
  throw new UsageError(
    `Expected --factor to be a whole number of at least 2 that divides ${width} x ${height}, the size of the model's images, but received ${factor ?? 'none'}`,
  )
}
