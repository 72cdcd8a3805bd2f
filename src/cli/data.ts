import type { Command } from 'commander'
import { findMnist, MNIST_KINDS, MNIST_NAMES, type MnistName } from '../data/mnist.js'
import { UsageError } from './errors.js'
import { printLine } from './output.js'
import { withSetupProgress } from './setup-progress.js'

const EXAMPLES = `
Folders of your own are looked at first: PFGM_DATA/fashion, PFGM_DATA/mnist. PFGM_DATA_URL names a mirror with the folders
fashion and mnist.

Examples:
  npx pfgm-torch data fashion
  npx pfgm-torch train fashion
  npx pfgm-torch train mnist --labels`

export function define(command: Command): void {
  command
    .description('Finds a published data set on this machine, or downloads it from its published addresses.')
    .argument('<name>', MNIST_NAMES.join(' or '))
    .addHelpText('after', EXAMPLES)
    .action(runData)
}

async function runData(given: string): Promise<void> {
  const name = MNIST_NAMES.find((known) => known === given)
  if (name === undefined) {
    throw new UsageError(
      `Expected a data set, ${MNIST_NAMES.join(' or ')}, but received ${JSON.stringify(given)}`,
    )
  }
  const folder = (await findMnist(name)) ?? (await downloaded(name))
  printLine(`${name}: ${MNIST_KINDS[name].title} is in ${folder}`)
}

async function downloaded(name: MnistName): Promise<string> {
  const { downloadMnist } = await import('../data/mnist-download.js')
  return withSetupProgress((onProgress) => downloadMnist(name, onProgress))
}
