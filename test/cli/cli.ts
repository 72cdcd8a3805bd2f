import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

/** The command as it is installed. */
export const BIN = fileURLToPath(new URL('../../bin/pfgm-torch.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when stdout has had a line that matches. */
  line(pattern: RegExp): Promise<void>
}

/** Starts the command in a folder. */
export function start(cwd: string, ...args: string[]): Running {
  return startProgram(cwd, process.execPath, [BIN, ...args])
}

/** Runs the command in a folder to its end. */
export function run(cwd: string, ...args: string[]): Promise<Ended> {
  return start(cwd, ...args).ended
}

/** Runs a line of shell in a folder, with the command as `$CLI`. */
export function runShell(cwd: string, line: string): Promise<Ended> {
  return startProgram(cwd, 'sh', ['-c', line]).ended
}

/** Starts any program in a folder. */
export function startProgram(cwd: string, program: string, args: string[]): Running {
  const env = { ...process.env, CLI: `${process.execPath} ${BIN}` }
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  const line = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (pattern.test(stdout)) resolve()
      }
      child.stdout.on('data', look)
      child.on('close', () => reject(new Error(`ended without ${pattern}: ${stdout}${stderr}`)))
      look()
    })
  return { process: child, ended, line }
}

/** The lines of stdout, each a JSON object. */
export function jsonLines({ stdout }: Ended): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The address that a command of --json prints as soon as it listens. */
export async function addressOf(running: Running): Promise<string> {
  let stdout = ''
  running.process.stdout!.on('data', (chunk) => {
    stdout += chunk
  })
  await running.line(/"listening"/)
  const [{ url }] = jsonLines({ stdout: stdout.split('\n')[0]!, stderr: '', code: null }) as [{ url: string }]
  return url
}

/** A folder for all tests of a file, gone after them. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function checkpoints(run: string): string[] {
  return readdirSync(join(run, 'checkpoints')).sort()
}

/** Data and options of the quickest trainings there are. */
export const TINY_POINTS = ['two-moons', '--config', besideThis('tiny-points.json')]
export const TINY_IMAGES = ['digits', '--config', besideThis('tiny-images.json')]

function besideThis(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

// In a clone the command compiles src/ to dist/ where that is older, one process at a time: done here, before the tests.
const built = await run(tmpdir(), '--version')
if (built.code !== 0) throw new Error(`The command does not start: ${built.stderr}`)
