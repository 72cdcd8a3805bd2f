import type { Command } from 'commander'
import { readConfigFile } from './config-file.js'
import { flagOf, UsageError } from './errors.js'
import type { Kind, Kinds } from './kinds.js'

/** An option that is given as a flag or in a config file, under the name it has in a table of these. */
export interface OptionSpec<T = unknown> {
  readonly kind: Kind<T>
  /** What the help calls the value, in brackets where the flag may stand alone; switches have none. */
  readonly value?: string
  /** Help for the flag that turns a switch off, where there is one. */
  readonly no?: string
  readonly help: string
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>

/** The values of the options that were given. */
export type Settings<S extends OptionSpecs> = Values<{ [Name in keyof S]: S[Name]['kind'] }>
type Values<K extends Kinds> = { -readonly [Name in keyof K]?: K[Name] extends Kind<infer T> ? T : never }

/** Beside those of a table; every command has `debug`. */
export interface CommonFlags {
  config?: string
  json?: boolean
  debug?: boolean
}

export function addOptions(command: Command, specs: OptionSpecs): Command {
  for (const [name, spec] of Object.entries(specs)) {
    const flag = flagOf(name)
    if (spec.value === undefined) {
      command.option(flag, spec.help)
      if (spec.no) command.option(flag.replace('--', '--no-'), spec.no)
    } else {
      const value = spec.value.startsWith('[') ? spec.value : `<${spec.value}>`
      command.option(`${flag} ${value}`, spec.help, (text) => parseFlag(flag, spec.kind, text))
    }
  }
  return command
}

/** The flags of `CommonFlags`, for a command that prints its results at the end. */
export function addCommonFlags(command: Command): Command {
  return command
    .option('--config <file>', 'JSON file with options, camelCase; flags go before it')
    .option('--json', 'print the results as one JSON object')
}

function parseFlag(flag: string, { expected, schema, fromText }: Kind<unknown>, text: string): unknown {
  const parsed = schema.safeParse(fromText(text))
  if (parsed.success) return parsed.data
  throw new UsageError(`Expected ${flag} to be ${expected} but received ${JSON.stringify(text)}`)
}

/**
 * What the user gave: the flags, and under them the config file.
 * @param fileOnly kinds of what is too large for a flag
 */
export async function readSettings<S extends OptionSpecs, F extends Kinds = Record<never, never>>(
  specs: S,
  flags: CommonFlags,
  fileOnly?: F,
): Promise<Settings<S> & Values<F>> {
  const kinds = Object.fromEntries(Object.entries(specs).map(([name, { kind }]) => [name, kind]))
  const fromFile =
    flags.config === undefined ? {} : await readConfigFile(flags.config, { ...kinds, ...fileOnly })
  return { ...fromFile, ...pick(flags as Settings<S>, specs) } as Settings<S> & Values<F>
}

/** The settings that are in a table. */
export function pick<S extends OptionSpecs>(settings: Settings<S>, specs: S): Settings<S> {
  const given = Object.entries(settings).filter(([name]) => name in specs)
  return Object.fromEntries(given) as Settings<S>
}
