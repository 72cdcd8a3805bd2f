import type { Command } from 'commander'
import { printHint, printLine } from './output.js'
import { withSetupProgress } from './setup-progress.js'

const EXAMPLES = `
The other commands do this by themselves where it is needed.

Examples:
  npx pfgm-torch setup
  npx pfgm-torch setup --libtorch ~/libtorch
  npx pfgm-torch setup --build-from-source
  npx pfgm-torch setup --force`

export function define(command: Command): void {
  command
    .description('Finds or downloads libtorch and builds the native addon for it.')
    .option('--libtorch <path>', 'folder or archive of the libtorch to use')
    .option('--force', 'build anew even where the addon is there')
    .option('--prebuilt-only', 'use the addon that comes with the package, never compile')
    .option('--build-from-source', 'compile although the package has an addon; it is used from then on')
    .option('--no-download', 'use a libtorch that is on this machine, never download one')
    .addHelpText('after', EXAMPLES)
    .action(runSetup)
}

interface SetupFlags {
  libtorch?: string
  force?: boolean
  prebuiltOnly?: boolean
  buildFromSource?: boolean
  download: boolean
}

async function runSetup({ buildFromSource: fromSource, ...flags }: SetupFlags): Promise<void> {
  const { setup } = await import('../../scripts/install/setup.js')
  const report = await withSetupProgress((onProgress) => setup({ ...flags, fromSource, onProgress }))
  if (report.ok) return printLine(report.summary)
  printHint(`error: ${report.summary}`)
  process.exitCode = 1
}
