import { basename } from 'node:path'
import type { Command } from 'commander'
import type { Evaluation } from '../index.js'
import { ensureAddonWith } from './addon.js'
import { UsageError } from './errors.js'
import { OPTIONS } from './eval-options.js'
import { interruptible } from './interrupt.js'
import { addCommonFlags, addOptions, type CommonFlags, readSettings } from './options.js'
import { expectWritable } from './out-file.js'
import { printHint, printJson, printLine } from './output.js'
import { columns, duration, several } from './words.js'

const EXAMPLES = `
A model of several classes draws each as often as the others, unless --label says otherwise.

Examples:
  npx pfgm-torch eval runs/fashion --against fashion:test --training fashion
  npx pfgm-torch eval digits --against digits --count 1000 --nearest nearest.png
  npx pfgm-torch eval runs/photos --against folder:held-out --features inception-2015-12-05.pt
  npx pfgm-torch eval runs/cifar --against cifar10-32x32.npz --features inception-2015-12-05.pt --count 50000`

export function define(command: Command): void {
  command
    .description(
      'Scores samples of a model against data: distances, precision, recall and more, with their errors.',
    )
    .argument(
      '<model>',
      'a run folder, a checkpoint or model file, or the name of one that comes with the package',
    )
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runEval)
}

async function runEval(model: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  const { against } = settings
  if (against === undefined)
    throw new UsageError('Expected --against, data to compare with, but received none')
  if (settings.nearest !== undefined) await expectWritable(settings.nearest, '.png', '--nearest')
  if (settings.saveStatistics !== undefined)
    await expectWritable(settings.saveStatistics, '.npz', '--save-statistics')
  await ensureAddonWith(settings)
  const { score } = await import('./scoring.js')
  const began = performance.now()
  const found = await interruptible((signal) => score(model, against, settings, flags, signal))
  const seconds = (performance.now() - began) / 1000
  if (flags.json) return printJson({ type: 'end', ...found, seconds })
  printResult(found, seconds)
  for (const path of [settings.nearest, settings.saveStatistics]) if (path !== undefined) printLine(path)
}

/** What scores are called, and what is best. */
const NAMES = {
  energyDistance: ['energy distance', 'low'],
  slicedWasserstein: ['sliced Wasserstein', 'low'],
  frechetDistance: ['Frechet distance', 'low'],
  kernelDistance: ['kernel distance', 'low'],
  inceptionScore: ['inception score', 'high'],
  precision: ['precision', 'high'],
  recall: ['recall', 'high'],
  density: ['density', '1'],
  coverage: ['coverage', 'high'],
  memorisation: ['memorisation', '1'],
} as const satisfies Record<string, readonly [string, string]>

function printResult(found: Evaluation, seconds: number): void {
  const { samples, items, features } = found
  const rows = Object.entries(NAMES).flatMap(([key, [name, best]]) => {
    const score = found[key as keyof typeof NAMES]
    if (score === undefined) return []
    return [[name, score.value.toPrecision(4), `+- ${score.error.toPrecision(2)}`, best, remark(score)]]
  })
  for (const line of columns([['', 'value', 'error', 'best', ''], ...rows])) printLine(line)
  const beside = items === undefined ? 'statistics' : several(items, 'item')
  printHint(
    `${several(samples, 'sample')} beside ${beside}, features: ${basename(features)}, ${duration(seconds)} in all`,
  )
}

function remark(score: object): string {
  if ('floor' in score) return `as many real ones: ${Number(score.floor).toPrecision(4)}`
  if ('ofData' in score) return `the data's: ${Number(score.ofData).toPrecision(4)}`
  if ('spread' in score) return `spread of subsets: ${Number(score.spread).toPrecision(2)}`
  return ''
}
