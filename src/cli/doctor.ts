import type { Command } from 'commander'
import type { Finding } from '../../scripts/install/doctor.js'
import { printLine } from './output.js'
import { several, table } from './words.js'

export function define(command: Command): void {
  command
    .description('Looks at everything that pfgm-torch needs, and names what mends what is missing.')
    .action(runDoctor)
}

async function runDoctor(): Promise<void> {
  const { doctor } = await import('../../scripts/install/doctor.js')
  const findings = await doctor()
  const wrong = findings.filter(({ ok }) => !ok).length
  printLine(table(findings.flatMap(toRows)))
  printLine(wrong === 0 ? '\nEverything is in place.' : `\n${several(wrong, 'thing')} to mend.`)
  if (wrong > 0) process.exitCode = 1
}

function toRows({ name, ok, detail, fix }: Finding): [string, string][] {
  const row: [string, string] = [`${ok ? '✓' : '✗'} ${name}`, detail]
  return fix === '' ? [row] : [row, ['', `to mend it: ${fix}`]]
}
