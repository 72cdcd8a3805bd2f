// One setup at a time does a piece of work; the others wait and find it done.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryName } from './cache.js'

const BEAT_MS = 3000
const STALE_MS = 60_000

/**
 * Runs `work` while holding the lock file.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once where another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(file, work, onWait) {
  mkdirSync(dirname(file), { recursive: true })
  let told = false
  while (!take(file)) {
    if (breakIfDead(file)) continue
    if (!told) onWait?.()
    told = true
    await delay(100)
  }
  const beat = setInterval(() => touch(file), BEAT_MS)
  beat.unref()
  try {
    return await work()
  } finally {
    clearInterval(beat)
    rmSync(file, { force: true })
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, `${process.pid} ${hostname()}`, { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  }
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date())
  } catch {
    // removed by hand: the work still ends well, as results are renamed into place
  }
}

/**
 * Removes the lock of a process that died. Renaming first lets only one waiter do so.
 * @param {string} file
 */
function breakIfDead(file) {
  try {
    if (!isDead(file)) return false
    const aside = temporaryName(file)
    renameSync(file, aside)
    rmSync(aside)
    return true
  } catch {
    return true // someone else removed it
  }
}

/** @param {string} file */
function isDead(file) {
  const [pid, host] = readFileSync(file, 'utf8').split(' ')
  const age = Date.now() - statSync(file).mtimeMs
  if (!host) return age > 1000 // caught between creation and writing, or left so
  if (host === hostname() && !isAlive(Number(pid))) return true
  return age > STALE_MS
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
