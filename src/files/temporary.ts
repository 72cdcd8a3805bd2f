import { mkdtempSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { temporaryName } from '../../scripts/install/cache.js'
import { atExit } from '../../scripts/install/ending.js'

/** Does work with a file that has a name of its own beside another, and is gone afterwards, also where the process ends before. */
export async function withTemporaryFile<T>(target: string, work: (path: string) => Promise<T>): Promise<T> {
  const path = temporaryName(target)
  return removedAfter(path, () => work(path))
}

/** The same with a folder of the system's, which nobody else may look into. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-'))
  return removedAfter(folder, () => work(folder))
}

const ALL = { recursive: true, force: true }

async function removedAfter<T>(path: string, work: () => Promise<T>): Promise<T> {
  const forget = atExit(() => rmSync(path, ALL))
  try {
    return await work()
  } finally {
    await rm(path, ALL).catch(() => {}) // what came of the work counts
    forget()
  }
}
