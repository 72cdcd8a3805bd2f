import type { Command } from 'commander'
import { ensureAddon } from './addon.js'
import { DATA_OPTIONS } from './data-options.js'
import { Stopped } from './errors.js'
import { interruptible } from './interrupt.js'
import { SWITCH, TEXT } from './kinds.js'
import { THREADS_OPTION } from './machine-options.js'
import { addCommonFlags, addOptions, type CommonFlags, pick, readSettings } from './options.js'
import { printJson, printLine } from './output.js'
import { NO_PROGRESS, startProgress } from './progress.js'
import { openData } from './reading.js'
import { commandLine } from './words.js'

const OPTIONS = {
  out: {
    kind: TEXT,
    value: 'folder',
    help: 'models, figures and report (default: runs/compare- and the name of the data, and -quick)',
  },
  quick: { kind: SWITCH, help: 'a look in three to four minutes: one seed, short trainings, few samples' },
  ...THREADS_OPTION,
  ...DATA_OPTIONS,
} as const

const EXAMPLES = `
Trains PFGM, PFGM++ (D = 64 and 2048), EDM, VE and VP with the same network for the same seconds, measures what the papers
claim and writes report.html, one file. The same command goes on where it was broken off. What [data] may be, train --help
says: pictures with sides of even length.

Examples:
  npx pfgm-torch compare digits --quick
  npx pfgm-torch compare digits                    three seeds, thousands of samples: hours on two cores
  npx pfgm-torch compare folder:photos --size 32`

export function define(command: Command): void {
  command
    .description('Trains all flows alike, measures what the papers claim of them, and writes a report.')
    .argument('[data]', 'data to compare on', 'digits')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runCompare)
}

async function runCompare(spec: string, flags: CommonFlags): Promise<void> {
  const settings = await readSettings(OPTIONS, flags)
  await ensureAddon()
  const reading = pick(settings, DATA_OPTIONS)
  const data = await openData(spec, reading)
  const { quick = false, threads } = settings
  const out = settings.out ?? `runs/compare-${data.name}${quick ? '-quick' : ''}`
  const { compare } = await import('../compare/compare.js')
  const progress = flags.json ? NO_PROGRESS : startProgress()
  const onProgress = (fraction: number, title: string) => progress.update(fraction, title)
  try {
    const report = await interruptible((signal) => compare({ data, out, quick, threads, signal, onProgress }))
    progress.end()
    if (flags.json) printJson({ type: 'end', report })
    else printLine(report)
  } catch (error) {
    if (!(error instanceof Stopped) || error.message === '') throw error
    const again = commandLine(['compare', spec], {
      ...reading,
      out,
      ...(quick && { quick }),
      ...(threads !== undefined && { threads }),
    })
    throw new Stopped(error.exitCode, `${error.message}: what was measured is kept; go on with: ${again}`)
  } finally {
    progress.end()
  }
}
