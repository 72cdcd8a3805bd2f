import { readFileSync, statfsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { isRunning, type Lock, processTable, releaseLock, takeLock } from '../../scripts/install/lock.js'
import { PfgmError } from '../errors.js'
import type { LockHandle } from '../native/addon.js'
import { NativeObject, native } from '../native/native.js'

/** Who has a lock, as its file says it to people. */
interface Holder {
  readonly pid: number
  readonly host: string
  readonly processes: string
}

/** Linux's numbers of file systems that other machines may write to, whose locks may reach no further than this one. */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x65735546, // FUSE
  0x0bd00bd0, // Lustre
  0x01021997, // 9P
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x47504653, // GPFS
  0x7461636f, // OCFS2
  0x01161970, // GFS2
])

/** What a folder is claimed for, as messages say it, and how it ends in this process. */
const WORK = {
  training: 'end that training first, by leaving its loop or aborting its signal',
  drawing: 'wait for its end, or abort its signal',
} as const

/**
 * Claims a run folder, or one that samples are drawn into. The claim ends when it is disposed of or dropped, and with the thread or process that has it,
 * however that ends.
 * @throws PfgmError `ERR_PFGM_RUN_BUSY` where another has it, `ERR_PFGM_IO` where nothing can be written there
 */
export function lockRun(folder: string, work: keyof typeof WORK = 'training'): Disposable {
  const file = join(folder, '.lock')
  const lock = take(file)
  if (lock !== undefined) return lock
  throw new PfgmError('ERR_PFGM_RUN_BUSY', `Expected ${folder} to be free but ${busy(file, work)}`)
}

/** A process elsewhere that has shown no sign of life for so long counts as ended. */
const SILENT_MS = 60_000

/**
 * Whether a process has a folder, told without claiming it.
 * @param sign when a process of another machine or container was last heard of, in milliseconds since 1970
 */
export function isClaimed(folder: string, sign = 0): boolean {
  const file = join(folder, '.lock')
  const holder = readHolder(file)
  if (!holder) return false
  if (holder.processes === processTable()) return isRunning(holder)
  const beat = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return Date.now() - Math.max(beat, sign) < SILENT_MS
}

function take(file: string): Disposable | undefined {
  try {
    const lock = isShared(file) ? 'unsupported' : native().lockFile(resolve(file), describeHolder())
    if (lock === 'busy') return undefined
    return lock === 'unsupported' ? BeatingLock.take(file) : new SystemLock(lock)
  } catch (error) {
    throw new PfgmError('ERR_PFGM_IO', `Could not write to ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function isShared(file: string): boolean {
  return process.platform === 'linux' && SHARED_FILE_SYSTEMS.has(statfsSync(join(file, '..')).type)
}

function describeHolder(): string {
  const holder: Holder = { pid: process.pid, host: hostname(), processes: processTable() }
  return `${JSON.stringify({ ...holder, since: new Date().toISOString() })}\n`
}

function busy(file: string, work: keyof typeof WORK): string {
  const holder = readHolder(file)
  if (holder?.pid === process.pid && holder.processes === processTable()) {
    return `this process is ${work} there itself (${file}): ${WORK[work]}`
  }
  const other = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
  return `${other} is ${work} there (${file}): wait for it, or give another --out`
}

/** Missing where the file is gone again or not written yet. */
function readHolder(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8'))
    return typeof holder?.pid === 'number' ? holder : undefined
  } catch {
    return undefined
  }
}

/** The system's own lock. */
class SystemLock extends NativeObject<LockHandle> {
  constructor(handle: LockHandle) {
    super(handle)
  }
}

const dropped = new FinalizationRegistry<Lock>(releaseLock)

/** For file systems without locks, or without locks that reach as far as they do: its file's time says that it is held. */
class BeatingLock implements Disposable {
  readonly #lock: Lock

  private constructor(lock: Lock) {
    this.#lock = lock
    dropped.register(this, lock, this)
  }

  static take(file: string): BeatingLock | undefined {
    const { lock } = takeLock(file)
    return lock && new BeatingLock(lock)
  }

  [Symbol.dispose](): void {
    dropped.unregister(this)
    releaseLock(this.#lock)
  }
}
