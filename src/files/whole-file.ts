import { open, realpath, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expectPath } from '../check.js'
import { PfgmError } from '../errors.js'
import { reason } from './read.js'
import { sync } from './sync.js'
import { withTemporaryFile } from './temporary.js'

/** A file's content, in one piece or several, or what writes it to a path. */
export type Content = string | readonly Uint8Array[] | ((path: string) => Promise<void>)

/**
 * Writes a file that appears whole or stays as it was, whoever else writes it at the same time: under a temporary name
 * of its own beside it, synced, then renamed. A link stays, and what it leads to is replaced.
 * @throws PfgmError `ERR_PFGM_IO` where it cannot be written, or what is there is no file that could be replaced
 */
export async function writeWhole(path: string, content: Content): Promise<void> {
  expectPath('path', path)
  const target = await realpath(path).catch(() => path)
  await withTemporaryFile(target, async (temporary) => {
    try {
      await expectReplaceable(path)
      if (typeof content === 'function') await content(temporary)
      else await writeFile(temporary, content)
      await syncPath(temporary)
      await rename(temporary, target)
    } catch (cause) {
      if (cause instanceof PfgmError) {
        throw new PfgmError(cause.code, cause.message.replaceAll(temporary, path), { cause })
      }
      throw new PfgmError('ERR_PFGM_IO', `Could not write ${path}: ${reason(cause)}`, { cause })
    }
  })
  // Some file systems cannot sync a folder; the rename has happened all the same.
  await syncPath(dirname(target)).catch(() => {})
}

/** Renaming would turn a device or a pipe into a file. */
async function expectReplaceable(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there === undefined || there.isFile()) return
  const what = there.isDirectory() ? 'a folder' : 'no regular file'
  throw new PfgmError('ERR_PFGM_IO', `Could not write ${path}: it is ${what}`)
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await sync(file)
  } finally {
    await file.close()
  }
}
