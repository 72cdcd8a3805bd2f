// A lock is a file that names the process that holds it.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readJson } from './cache.js'
import { atExit } from './ending.js'

const BEAT_MS = 3000
const STALE_MS = 60_000

/**
 * @typedef {object} Holder
 * @property {number} pid
 * @property {string} host
 * @property {string} processes which table of processes `pid` is a number of: containers have their own
 * @property {string} [birth] tells the process from a later one of the same number; missing where that is not known
 * @property {string} key tells this lock from every other
 */

/**
 * @typedef {object} Lock
 * @property {string} file
 * @property {string} key
 * @property {NodeJS.Timeout} beat
 */

/** @typedef {{ lock: Lock, holder?: undefined } | { lock?: undefined, holder: Holder | undefined }} Attempt */

/**
 * Runs `work` while holding the lock file.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once where another process holds the lock
 * @param {AbortSignal} [signal] ends the waiting
 * @returns {Promise<T>}
 */
export async function withLock(file, work, onWait, signal) {
  signal?.throwIfAborted()
  mkdirSync(dirname(file), { recursive: true })
  let { lock } = takeLock(file)
  if (!lock) onWait?.()
  while (!lock) {
    await delay(100)
    signal?.throwIfAborted()
    lock = takeLock(file).lock
  }
  const held = lock
  const forget = atExit(() => releaseLock(held))
  try {
    return await work()
  } finally {
    releaseLock(held)
    forget()
  }
}

/**
 * Takes the lock at once, also from a process that died, or says who holds it: undefined for one that is just about to.
 * @param {string} file
 * @returns {Attempt}
 */
export function takeLock(file) {
  for (;;) {
    const lock = create(file)
    if (lock) return { lock }
    if (!isDead(file)) return { holder: readHolder(file) }
    // One process at a time removes it, after a second look: by now the lock may be that of one who was quicker.
    const { lock: guard, holder } = takeLock(`${file}.takeover`)
    if (!guard) return { holder }
    try {
      if (isDead(file)) rmSync(file, { force: true })
    } finally {
      releaseLock(guard)
    }
  }
}

/** @param {Lock} lock */
export function releaseLock({ file, key, beat }) {
  clearInterval(beat)
  if (readHolder(file)?.key === key) rmSync(file, { force: true })
}

/**
 * @param {string} file
 * @returns {Lock | undefined} undefined where there is one
 */
function create(file) {
  const key = randomBytes(8).toString('hex')
  const birth = readProcess(process.pid)?.birth
  /** @type {Holder} */
  const holder = {
    pid: process.pid,
    host: hostname(),
    processes: processTable(),
    ...(birth && { birth }),
    key,
  }
  try {
    writeFileSync(file, `${JSON.stringify(holder)}\n`, { flag: 'wx' })
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return undefined
    throw error
  }
  if (readHolder(file)?.key !== key) return undefined // suspended for so long before writing that it was removed
  const beat = setInterval(() => touch(file, key), BEAT_MS)
  beat.unref()
  return { file, key, beat }
}

/** @param {string} file */
function readHolder(file) {
  const holder = readJson(file)
  return typeof holder?.key === 'string' ? /** @type {Holder} */ (holder) : undefined
}

/**
 * @param {string} file
 * @param {string} key
 */
function touch(file, key) {
  try {
    if (readHolder(file)?.key === key) utimesSync(file, new Date(), new Date())
  } catch {
    // removed by hand: the work still ends well, as results are renamed into place
  }
}

/**
 * Whether the lock's holder died. One of this machine that runs has it however long it is silent: it may be suspended.
 * Others are judged by their beat, and so is a file that is opened and not yet written.
 * @param {string} file
 */
function isDead(file) {
  const holder = readHolder(file)
  if (holder?.processes === processTable()) return !isRunning(holder)
  const beat = statSync(file, { throwIfNoEntry: false })?.mtimeMs
  return beat !== undefined && Date.now() - beat > STALE_MS
}

/** @param {Pick<Holder, 'pid' | 'birth'>} holder of this machine's table of processes */
export function isRunning({ pid, birth }) {
  const now = readProcess(pid)
  if (now) return !now.ended && (birth === undefined || birth === now.birth)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}

/**
 * @param {number} pid
 * @returns {{ birth: string | undefined, ended: boolean } | undefined} undefined where there is no /proc, or no such process
 */
function readProcess(pid) {
  try {
    // after the program's name, which may hold anything: the state, and as the 20th the time of the start
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { birth: fields[19], ended: fields[0] === 'Z' || fields[0] === 'X' }
  } catch {
    return undefined
  }
}

/** The kernel's start and the container on Linux, as containers may share a host's name; else the host. */
export function processTable() {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}
