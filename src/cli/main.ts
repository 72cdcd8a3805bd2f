import { Command, CommanderError } from 'commander'
import { COMMANDS } from './commands.js'
import { exitCodeOf, explain, Stopped } from './errors.js'
import { endWithReader, endWithSignals, exit } from './interrupt.js'
import { printHint } from './output.js'
import { addProfileFlag, endProfile } from './profile.js'
import { packageVersion } from './version.js'

const EXAMPLES = `
Examples:
  npx pfgm-torch train digits                       train on the digits that come with the package
  npx pfgm-torch sample runs/digits --count 64      draw from what was trained
  npx pfgm-torch sample digits --out grid.png       draw from the model that comes with the package
  npx pfgm-torch train --help                       all options of a command`

/** Commands in which no time goes by that a profile could tell of. */
const QUICK = ['convert', 'export', 'data', 'info', 'doctor', 'setup']

/** The program, with the options of the command that is asked for. */
async function createProgram(): Promise<Command> {
  const program = new Command('pfgm-torch')
    .description(
      'Poisson Flow Generative Models: train a model on images or points, and draw samples from it.',
    )
    .version(packageVersion())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({ outputError: (text) => printHint(text.trim().replaceAll('\n', ' ')) })
  const asked = process.argv.slice(2).find((word) => Object.hasOwn(COMMANDS, word))
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).summary(summary)
    if (name !== asked) continue
    const { define } = await load()
    define(command)
    if (!QUICK.includes(name)) addProfileFlag(command)
    command.option('--debug', 'show where an error comes from')
  }
  return program
}

async function main(): Promise<void> {
  endWithReader()
  endWithSignals()
  const program = await createProgram()
  try {
    await program.parseAsync().catch(async (error) => {
      await endProfile().catch(() => {}) // the command's error says more
      throw error
    })
    await endProfile()
  } catch (error) {
    process.exitCode = report(error, program)
    if (error instanceof Stopped) exit(process.exitCode)
  }
}

function report(error: unknown, program: Command): number {
  // Commander has printed its errors, and the help and version that it ends with.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const options = program.commands.flatMap((command) => command.options)
  const text = explain(error, new Set(options.map((option) => option.attributeName())))
  if (text !== '') printHint(text)
  if (process.argv.includes('--debug') && error instanceof Error) printHint(error.stack ?? '')
  return exitCodeOf(error)
}

await main()
