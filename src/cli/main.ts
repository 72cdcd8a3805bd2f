import { Command, CommanderError } from 'commander'
import { addCompareCommand } from './compare.js'
import { addConvertCommand } from './convert.js'
import { addDataCommand } from './data.js'
import { addDecodeCommand } from './decode.js'
import { addDoctorCommand } from './doctor.js'
import { addEncodeCommand } from './encode.js'
import { exitCodeOf, explain, Stopped } from './errors.js'
import { addEvalCommand } from './eval.js'
import { addExportCommand } from './export.js'
import { addFillCommand } from './fill.js'
import { addInfoCommand } from './info.js'
import { addInterpolateCommand } from './interpolate.js'
import { endWithReader, endWithSignals, exit } from './interrupt.js'
import { addLikelihoodCommand } from './likelihood.js'
import { printHint } from './output.js'
import { addProfileFlag, endProfile } from './profile.js'
import { addSampleCommand } from './sample.js'
import { addServeCommand } from './serve.js'
import { addSetupCommand } from './setup.js'
import { addSolversCommand } from './solvers.js'
import { addTrainCommand } from './train.js'
import { addUiCommand } from './ui.js'
import { addUpscaleCommand } from './upscale.js'
import { packageVersion } from './version.js'

const EXAMPLES = `
Examples:
  npx pfgm-torch train digits                       train on the digits that come with the package
  npx pfgm-torch sample runs/digits --count 64      draw from what was trained
  npx pfgm-torch sample digits --out grid.png       draw from the model that comes with the package
  npx pfgm-torch train --help                       all options of a command`

/** Commands in which no time goes by that a profile could tell of. */
const QUICK = ['convert', 'export', 'data', 'info', 'doctor', 'setup']

function createProgram(): Command {
  const program = new Command('pfgm-torch')
    .description(
      'Poisson Flow Generative Models: train a model on images or points, and draw samples from it.',
    )
    .version(packageVersion())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({ outputError: (text) => printHint(text.trim().replaceAll('\n', ' ')) })
  const adders = [
    addTrainCommand,
    addUiCommand,
    addSampleCommand,
    addEncodeCommand,
    addDecodeCommand,
    addLikelihoodCommand,
    addInterpolateCommand,
    addFillCommand,
    addUpscaleCommand,
    addSolversCommand,
    addServeCommand,
    addEvalCommand,
    addCompareCommand,
    addConvertCommand,
    addExportCommand,
    addDataCommand,
    addInfoCommand,
    addDoctorCommand,
    addSetupCommand,
  ]
  for (const add of adders) add(program)
  for (const command of program.commands) if (!QUICK.includes(command.name())) addProfileFlag(command)
  for (const command of program.commands) command.option('--debug', 'show where an error comes from')
  return program
}

async function main(): Promise<void> {
  endWithReader()
  endWithSignals()
  const program = createProgram()
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
