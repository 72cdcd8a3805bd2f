// What must be gone when the process ends, however it ends short of SIGKILL: programs that it started, locks, folders.
import { mkdirSync, rmSync } from 'node:fs'
import { constants } from 'node:os'

/** What programs that are asked to end have for it: compilers remove what they have half written. */
const GRACE_MS = 1000

/** @type {Set<() => void>} */
const cleanups = new Set()

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

let ending = false

/**
 * Has work done at the process's end, unless it is called off before.
 * @param {() => void} cleanup
 * @returns {() => void} calls it off
 */
export function atExit(cleanup) {
  if (cleanups.size === 0) process.on('exit', cleanUp)
  cleanups.add(cleanup)
  return () => {
    cleanups.delete(cleanup)
    if (cleanups.size === 0) process.off('exit', cleanUp)
  }
}

function cleanUp() {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup()
    } catch {
      // the others still have their turn
    }
  }
}

/**
 * Does work with a folder that is new and gone afterwards, also where a signal or an error ends the process.
 * @template T
 * @param {string} folder
 * @param {() => Promise<T>} work
 */
export async function withTemporaryFolder(folder, work) {
  // retried where a program that is being ended still writes into it
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
  const forget = atExit(remove)
  try {
    mkdirSync(folder, { recursive: true })
    return await work()
  } finally {
    remove()
    forget()
  }
}

/**
 * Keeps a program, which leads a process group of its own, from outliving this process.
 * @param {import('node:child_process').ChildProcess} child
 */
export function endWithProcess(child) {
  running.add(child)
  const forget = atExit(() => killGroup(child, 'SIGKILL'))
  child.on('close', () => {
    running.delete(child)
    forget()
  })
}

/**
 * Ends a program and all that it started.
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
export function killGroup(child, signal) {
  if (child.pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal)
  } catch {
    // it has ended
  }
}

/** Whether a signal has come and the process is about to end: nothing should be begun any more. */
export function isEnding() {
  return ending
}

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/**
 * Does work that SIGINT, SIGTERM and SIGHUP end within a second or two, and with it all programs that it runs. Handlers
 * of its own are needed for that: the programs are not in this process's group, and process 1 of a container is not
 * ended by a signal that it does not handle.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function endedBySignals(work) {
  for (const signal of SIGNALS) process.on(signal, end)
  try {
    return await work()
  } finally {
    if (!ending) for (const signal of SIGNALS) process.off(signal, end)
  }
}

/** @param {NodeJS.Signals} signal */
function end(signal) {
  if (ending) return
  ending = true
  const exit = () => {
    console.error(`stopped by ${signal}`)
    process.exit(128 + constants.signals[signal])
  }
  for (const child of running) {
    killGroup(child, 'SIGTERM')
    child.on('close', () => running.size === 0 && exit())
  }
  if (running.size === 0) exit()
  else setTimeout(exit, GRACE_MS)
}
