import type { Command } from 'commander'
import type { ImageSides } from '../index.js'
import { runDrawing } from './drawing.js'
import { UsageError } from './errors.js'
import { imagesOf, readAsItIs } from './images.js'
import { TEXT } from './kinds.js'
import { KNOWN_OPTIONS, KNOWN_START_OPTIONS } from './known-options.js'
import { oneLabel } from './label-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings } from './options.js'

const OPTIONS = {
  out: {
    kind: TEXT,
    value: 'file',
    help: 'PNG file to write, or .npy for the values (default: filled.png)',
  },
  mask: { kind: TEXT, value: 'file', help: 'image of the same size: white is filled in, black is kept' },
  ...KNOWN_OPTIONS,
} as const

const EXAMPLES = `
What <picture> and the mask may be: image files of the size of the model's images. What is lighter than mid-grey in the
mask, or transparent, is filled in.

Examples:
  npx pfgm-torch fill runs/photos photo.png --mask hole.png --out filled.png
  npx pfgm-torch fill runs/photos photo.png --mask hole.png --count 9 --seed 100
  npx pfgm-torch fill digits seven.png --mask lower-half.png --label 7`

export function define(command: Command): void {
  command
    .description('Draws samples that have the known pixels of an image, and so fill in the others.')
    .argument('<model>', 'a run folder, a checkpoint or model file, digits or fashion')
    .argument('<picture>', 'image of which parts are known')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runFill)
}

async function runFill(model: string, picture: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const { mask: maskFile } = settings
  if (maskFile === undefined) {
    throw new UsageError('Expected --mask to name an image, white where to fill in, but received none')
  }
  await runDrawing(model, settings, flags, {
    thing: 'image',
    of: picture,
    out: settings.out ?? 'filled.png',
    aloneAsItIs: true,
    async draw(flow, options) {
      const { channels, height, width } = imagesOf(flow, picture)
      const sizes: ImageSides[] = [[height, width]]
      using image = await readAsItIs(picture, channels, sizes, "the size of the model's images")
      using mask = await readAsItIs(maskFile, 1, sizes, "the size of the model's images")
      const chosen = { ...pick(settings, KNOWN_START_OPTIONS), ...oneLabel(flow, settings) }
      return await flow.fill(image, mask, { ...chosen, ...options })
    },
  })
}
