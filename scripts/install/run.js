// Runs a program and gathers what it says.
import { spawn } from 'node:child_process'
import { endWithProcess, isEnding, killGroup } from './ending.js'

/**
 * @typedef {object} Outcome
 * @property {number | null} code exit code; null where it did not start or was killed
 * @property {NodeJS.Signals | null} signal
 * @property {string} stdout
 * @property {string} output both streams as they came
 * @property {NodeJS.ErrnoException} [error] set where it could not be started
 */

/**
 * Where a signal ends this process (`endedBySignals`), the program ends too, and the promise never settles: nobody is to
 * take that for a failure and try something else.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeout?: number, onLine?: (line: string) => void }} [options]
 * @returns {Promise<Outcome>}
 */
export function run(command, args, options = {}) {
  const { onLine, timeout, ...rest } = options
  return new Promise((settle) => {
    if (isEnding()) return
    /** @param {Outcome} outcome */
    const done = (outcome) => isEnding() || settle(outcome)
    const child = spawn(command, args, {
      ...rest,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      detached: process.platform !== 'win32', // a process group of its own, to be ended with all that it starts
    })
    endWithProcess(child)
    /** @type {string[]} */
    const all = []
    let stdout = ''
    let partial = ''
    /** @param {string} text */
    const take = (text) => {
      all.push(text)
      if (!onLine) return
      const lines = (partial + text).split(/\r?\n|\r/)
      partial = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      take(text)
    })
    child.stderr.setEncoding('utf8').on('data', take)
    // spawn's own timeout keeps this process waiting where the program does not exist
    const timer = timeout ? setTimeout(() => killGroup(child, 'SIGKILL'), timeout) : undefined
    child.on('error', (error) => {
      clearTimeout(timer)
      done({ code: null, signal: null, stdout, output: all.join(''), error })
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (partial) onLine?.(partial)
      done({ code, signal, stdout, output: all.join('') })
    })
  })
}
