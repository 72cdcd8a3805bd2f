import { PfgmError } from '../errors.js'

/** A wrong command line or config file. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The work was ended from outside; `exitCode` is the customary one of what ended it. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
  readonly exitCode: number

  constructor(exitCode: number, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** 2 for a wrong command, 1 for a right one that failed, and what the shell expects after a signal. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return error.exitCode
  return isUsage(error) ? 2 : 1
}

/** One line for people: what was expected and what came. */
export function explain(error: unknown, optionNames: ReadonlySet<string>): string {
  if (error instanceof Stopped) return error.message
  const message = oneLine(error instanceof Error ? error.message : String(error))
  if (isUsage(error)) return `error: ${nameOptions(message, optionNames)}`
  if (isExpected(error)) return `error: ${message}`
  return `error: unexpected: ${message} (--debug shows where it comes from)`
}

function isUsage(error: unknown): boolean {
  if (error instanceof UsageError) return true
  if (error instanceof PfgmError) return error.code === 'ERR_PFGM_RUN_EXISTS'
  // The library's checks of arguments all begin like this; other TypeErrors are mistakes in the code.
  const isCheck = error instanceof TypeError || error instanceof RangeError
  return isCheck && error.message.startsWith('Expected ')
}

/** Failures with a code are the library's, the setup's or the file system's. */
function isExpected(error: unknown): boolean {
  return error instanceof Error && 'code' in error
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}

/** The library says `batchSize` where the command line says `--batch-size`. */
function nameOptions(message: string, optionNames: ReadonlySet<string>): string {
  return message.replace(/^Expected (\w+) /, (whole, name: string) =>
    optionNames.has(name) ? `Expected ${flagOf(name)} ` : whole,
  )
}

/** The flag of an option: `batchSize` is `--batch-size`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
