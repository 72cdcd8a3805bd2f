import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { EXPORT_FORMATS } from '../checkpoint/exporters/exporters.js'
import { ensureAddon } from './addon.js'
import { UsageError } from './errors.js'
import { oneOf, TEXT } from './kinds.js'
import { loadModel, MODEL_OPTIONS } from './load-model.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings } from './options.js'
import { expectWritable } from './out-file.js'
import { printJson, printLine, printWarning } from './output.js'
import { bytes, count } from './words.js'

const OPTIONS = {
  out: { kind: TEXT, value: 'file', help: 'file to write, which ends as its format is called: model.onnx' },
  format: {
    kind: oneOf(EXPORT_FORMATS.map(({ format }) => format)),
    value: 'name',
    help: 'format, see below (default: what --out ends in)',
  },
  ...MODEL_OPTIONS,
} as const

const EXAMPLES = `
Formats:
${EXPORT_FORMATS.map(({ format, help }) => `  ${format.padEnd(12)}  ${help}`).join('\n')}

Examples:
  npx pfgm-torch export digits --out digits.onnx
  npx pfgm-torch export runs/photos --best --out photos.safetensors
  npx pfgm-torch export runs/photos --format pth --out checkpoint_50000.pth`

export function define(command: Command): void {
  command
    .description('Writes a model, its averaged weights, in a format of other programs.')
    .argument('<model>', 'a run folder, a checkpoint or model file, digits or fashion')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runExport)
}

async function runExport(model: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const { out, format } = settings
  if (out === undefined) throw new UsageError('Expected --out to name the file to write but received none')
  const possible = EXPORT_FORMATS.filter((one) => format === undefined || one.format === format)
  await expectWritable(
    out,
    possible.map(({ extension }) => extension),
  )
  await ensureAddon()
  using flow = await loadModel(model, pick(settings, MODEL_OPTIONS))
  const notes = await flow.export(out, format === undefined ? {} : { format })
  const { size } = await stat(out)
  const { parameterCount } = flow.network
  if (flags.json) printJson({ type: 'end', file: out, bytes: size, parameterCount, notes })
  else printLine(`${out}: ${model}, ${count(parameterCount)} parameters in ${bytes(size)}`)
  for (const note of notes) printWarning(note)
}
