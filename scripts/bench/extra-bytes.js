import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { memory } from '../../dist/index.js'

const run = promisify(execFile)

/**
 * Peak growth of this process's resident memory during a call; null where the system does not tell.
 * @param {() => Promise<unknown>} call
 * @returns {Promise<number | null>}
 */
export async function extraBytes(call) {
  try {
    writeFileSync('/proc/self/clear_refs', '5') // the peak that the system remembers is the present
  } catch {
    return null
  }
  const before = memory().resident
  await call()
  return peak() - before
}

function peak() {
  const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(kilobytes) * 1024
}

/**
 * The number that a program beside this file prints, run in a process of its own, so that no memory is there for reuse.
 * @param {string} program
 * @param {object} about its argument, as JSON
 * @returns {Promise<number | null>}
 */
export async function inOwnProcess(program, about) {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const { stdout } = await run(process.execPath, [path, JSON.stringify(about)])
  return JSON.parse(stdout)
}
