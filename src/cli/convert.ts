import { readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import type { Command } from 'commander'
import type { Conversion, ConvertOptions } from '../index.js'
import { ensureAddon } from './addon.js'
import { UsageError } from './errors.js'
import { FLOW, oneOf, TEXT } from './kinds.js'
import { library } from './library.js'
import { addCommonFlags, addOptions, type CommonFlags, readSettings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine, printWarning } from './output.js'
import { commandLine, count, several } from './words.js'

const OPTIONS = {
  out: {
    kind: TEXT,
    value: 'file',
    help: "model file to write (default: the file's name with .safetensors)",
  },
  network: {
    kind: TEXT,
    value: 'file',
    help: 'JSON file with fields of the network that tensors do not tell, such as {"imageSize": 64}',
  },
  flow: {
    kind: FLOW,
    value: 'kind',
    help: 'its flow, with settings for images in [-1, 1]: pfgm,M=291,zMax=40,upperNorm=3000',
  },
  dtype: { kind: oneOf(['F32', 'F16']), value: 'type', help: 'how numbers are stored (default: F32)' },
} as const

const EXAMPLES = `
What <file> may be:
  checkpoint_8.pth                     of PFGM's published code, or of score_sde's
  network-snapshot-000200.pkl          of EDM's published code
  training-state-000200.pt             of PFGM++'s
  model_00050000.pth, .safetensors     of k-diffusion, an image_v1
  a folder                             of diffusers, with a UNet2DModel
Nothing in them is run. Other commands take such files too, where they say all of the model.

Examples:
  npx pfgm-torch convert checkpoint_8.pth --out pfgm.safetensors
  npx pfgm-torch convert checkpoint_8.pth --flow subvp
  npx pfgm-torch convert edm-cifar10-32x32-uncond-vp.pkl --out edm.safetensors`

export function define(command: Command): void {
  command
    .description(
      'Reads a model of the published code of PFGM, score_sde, EDM or PFGM++, of diffusers or k-diffusion, and writes a model file.',
    )
    .argument('<file>', 'the model, see below')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runConvert)
}

async function runConvert(file: string, flags: CommonFlags): Promise<void> {
  const {
    out = `${basename(file, extname(file))}.safetensors`,
    network,
    ...options
  } = await readSettings(OPTIONS, flags)
  await expectWritable(out, '.safetensors')
  await ensureAddon()
  const fields = network === undefined ? undefined : await readNetwork(network)
  const { convert } = await library()
  const conversion = await convert(file, out, { ...options, ...(fields && { network: fields }) })
  for (const note of conversion.notes) printWarning(note)
  if (flags.json) return printJson({ out, ...conversion })
  printLine(shown(out, conversion))
}

function shown(out: string, { family, config, parameterCount }: Conversion): string {
  const { network, flow, step } = config
  const size = 'imageSize' in network ? ` for images of ${[network.imageSize].flat().join(' x ')}` : ''
  const steps = step > 0 ? `, ${several(step, 'step')}` : ''
  return [
    `${family}: ${network.kind}${size}, ${count(parameterCount)} parameters, ${flow.kind}${steps}`,
    `Wrote ${out}; draw samples with: ${commandLine(['sample', out], {})}`,
  ].join('\n')
}

/** The network of a file: an object of its fields, or one that has it as `network`, as the config of a training does. */
async function readNetwork(path: string): Promise<NonNullable<ConvertOptions['network']>> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new UsageError(`Expected --network to name a JSON file but received ${path}: ${cause.message}`, {
      cause,
    })
  })
  const content = parseJson(path, text)
  if (!isObject(content))
    throw new UsageError(`Expected ${path} to hold a JSON object but received ${text.trim().slice(0, 60)}`)
  return isObject(content.network) ? content.network : content
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`Expected ${path} to be JSON: ${(cause as Error).message}`, { cause })
  }
}
