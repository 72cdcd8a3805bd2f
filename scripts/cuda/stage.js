// Runs one command of the kit to its end or its limit, all that it says going to a log.
import { spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'

const TAIL_BYTES = 4000

/**
 * @typedef {object} Outcome
 * @property {'passed' | 'failed' | 'timed out'} state
 * @property {number | null} rc exit code; null where a signal ended it or it did not start
 * @property {number} seconds
 * @property {string} tail of what it said
 */

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, seconds: number, log: string, onStart: (pid: number | undefined) => void }} options
 * @returns {Promise<Outcome>}
 */
export function runStage(command, args, { cwd, env, seconds, log, onStart }) {
  // straight to the file: what was said is there even where this process is killed
  const file = openSync(log, 'a+')
  const before = fstatSync(file).size
  const started = performance.now()
  return new Promise((done) => {
    // a group of its own, so that a compiler's children end with it
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', file, file] })
    onStart(child.pid)
    let expired = false
    const timer = setTimeout(() => {
      expired = true
      killTree(child.pid)
    }, seconds * 1000)
    const end = (rc, said) => {
      clearTimeout(timer)
      killTree(child.pid)
      const tail = said ?? readTail(file, before)
      closeSync(file)
      const state = expired ? 'timed out' : rc === 0 ? 'passed' : 'failed'
      done({ state, rc, seconds: Math.round((performance.now() - started) / 100) / 10, tail })
    }
    child.once('error', (error) => end(null, error.message))
    child.once('exit', (code) => end(code))
  })
}

/**
 * Ends a program and all that it started, some of which leads groups of its own.
 * @param {number | undefined} pid nothing happens where it has ended, and all in its group
 */
export function killTree(pid) {
  if (!pid) return
  for (const each of [...descendants(pid), pid]) {
    for (const target of [-each, each]) {
      try {
        process.kill(target, 'SIGKILL')
      } catch {
        // it has ended, or leads no group
      }
    }
  }
}

/** @param {number} pid */
function descendants(pid) {
  const found = [pid]
  // children come after their parents, so that each is met once
  for (const parent of found) found.push(...childrenOf(parent))
  return found.slice(1)
}

/** @param {number} pid */
function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return [] // it has ended
  }
}

function readTail(file, before) {
  const { size } = fstatSync(file)
  const from = Math.max(before, size - TAIL_BYTES)
  const bytes = Buffer.alloc(size - from)
  readSync(file, bytes, 0, bytes.length, from)
  return bytes.toString()
}
