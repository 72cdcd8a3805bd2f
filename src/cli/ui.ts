import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { ensureAddon } from './addon.js'
import { UsageError } from './errors.js'
import { interruptible } from './interrupt.js'
import { PORT } from './kinds.js'
import { addCommonFlags, addOptions, type CommonFlags, readSettings } from './options.js'
import { printJson, printLine } from './output.js'
import { showRuns } from './runs-page.js'

const OPTIONS = {
  port: { kind: PORT, value: 'n', help: 'default: 8001, or any where that is taken; 0: any that is free' },
} as const

const EXAMPLES = `
The page is for this machine alone (127.0.0.1). Of another machine: ssh -L 8001:127.0.0.1:8001 there

Examples:
  npx pfgm-torch ui                       all runs in runs/
  npx pfgm-torch ui runs/a runs/b         these two
  npx pfgm-torch train digits --ui        the same page of what is trained, as long as it is`

export function define(command: Command): void {
  command
    .description(
      'Shows runs on a page of this machine, side by side, and those that are trained as they grow.',
    )
    .argument('[runs...]', 'folders of runs, and runs (default: runs)')
  addCommonFlags(addOptions(command, OPTIONS)).addHelpText('after', EXAMPLES).action(runUi)
}

async function runUi(given: string[], flags: CommonFlags): Promise<void> {
  const { port } = await readSettings(OPTIONS, flags)
  const places = given.length > 0 ? given : ['runs']
  for (const place of places) await expectFolder(place)
  await ensureAddon()
  await interruptible(async (signal) => {
    const ended = once(signal, 'abort')
    const { url, close } = await showRuns(places, port)
    if (flags.json) printJson({ type: 'listening', url })
    else printLine(`${url} shows ${places.join(', ')}; Ctrl-C ends it`)
    await ended
    await close()
  })
}

async function expectFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return
  const received = found ? 'a file' : 'nothing: there is no such path'
  throw new UsageError(`Expected ${path} to be a run, or a folder of runs, but received ${received}`)
}
