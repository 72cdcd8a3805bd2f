import type { Command } from 'commander'
import { PfgmError } from '../errors.js'
import type { Tensor } from '../index.js'
import { DRAWING_OPTIONS, runDrawing } from './drawing.js'
import { TEXT } from './kinds.js'
import { oneLabel } from './label-options.js'
import { library } from './library.js'
import { addCommonFlags, addOptions, type CommonFlags, readSettings } from './options.js'

const OPTIONS = {
  out: {
    kind: TEXT,
    value: 'file',
    help: 'PNG file to write, or .npy for the values (default: decoded.png)',
  },
  ...DRAWING_OPTIONS,
} as const

const EXAMPLES = `
What <encodings> may be: a NumPy file of float64, [count, ...shape of the model's items], as encode writes it.

Examples:
  npx pfgm-torch decode digits encodings.npy --out decoded.png
  npx pfgm-torch decode digits encodings.npy --rtol 1e-5 --atol 1e-5 --out values.npy
  npx pfgm-torch decode runs/photos encodings.npy --solver unipc --steps 20`

export function define(command: Command): void {
  command
    .description('Follows encodings from the far plane back to the images and writes their picture.')
    .argument(
      '<model>',
      'the model that encoded: a run folder, a checkpoint or model file, digits or fashion',
    )
    .argument('<encodings>', 'NumPy file to decode, see below')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runDecode)
}

async function runDecode(model: string, file: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  await runDrawing(model, settings, flags, {
    thing: 'image',
    of: file,
    out: settings.out ?? 'decoded.png',
    async draw(flow, options) {
      using encodings = await readEncodings(file)
      return await flow.decode(encodings, { ...oneLabel(flow, settings), ...options })
    },
  })
}

/** @throws PfgmError `ERR_PFGM_DATA` where the file is not such, which names the command that makes one */
async function readEncodings(file: string): Promise<Tensor<'float64'>> {
  const { Tensor } = await library()
  try {
    return await Tensor.loadNpy(file, 'float64')
  } catch (error) {
    if (!(error instanceof PfgmError) || error.code !== 'ERR_PFGM_DATA') throw error
    const remedy =
      "npx pfgm-torch encode makes such files of images, numpy.ascontiguousarray(encodings, '<f8') such arrays"
    throw new PfgmError(error.code, `${error.message} (${remedy})`, { cause: error })
  }
}
