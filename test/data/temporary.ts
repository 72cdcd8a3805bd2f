import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

/** A function that makes a fresh folder; the folders are removed after each test of the file that calls this. */
export function temporaryFolders(): () => Promise<string> {
  const folders: string[] = []
  afterEach(async () => {
    await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })))
  })
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pfgm-data-'))
    folders.push(folder)
    return folder
  }
}
