import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Running, startProgram } from './cli/cli.js'

/** What makes the program after it process 1 of a container's processes, and ends it with itself. */
const UNSHARE = ['-fp', '--mount-proc', '--kill-child']

const tried = spawnSync('unshare', [...UNSHARE, 'true'], { encoding: 'utf8' })

/** Why processes cannot be put into namespaces of their own here; undefined where they can. */
export const noNamespaces =
  tried.status === 0 ? undefined : (tried.error?.message ?? tried.stderr.trim() ?? 'unshare failed')
if (noNamespaces !== undefined) console.log(`Tests in containers are skipped: ${noNamespaces}`)

/** Starts Node.js as process 1 of a namespace. */
export function startContained(cwd: string, ...args: string[]): Running {
  return startProgram(cwd, 'unshare', [...UNSHARE, process.execPath, ...args])
}

/** Sends a signal to process 1 of a namespace, from outside. */
export function signalContained({ process: { pid } }: Running, signal: NodeJS.Signals): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  process.kill(Number(children), signal)
}
