import { access, constants, stat } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { UsageError } from './errors.js'

/**
 * What would only show after the work is refused before it.
 * @param extension of the one format that can be written: `.png`
 * @param flag that the file came with
 */
export async function expectWritable(out: string, extension: string, flag = '--out'): Promise<void> {
  const received = `but received ${out}`
  if (extname(out).toLowerCase() !== extension) {
    throw new UsageError(
      `Expected ${flag} to end in ${extension}, the format that can be written, ${received}`,
    )
  }
  const folder = dirname(out)
  if (!(await isFolder(folder))) {
    throw new UsageError(`Expected ${flag} to be in a folder ${received}: there is no folder ${folder}`)
  }
  if (await isFolder(out)) throw new UsageError(`Expected ${flag} to be a file ${received}, a folder`)
  await access(folder, constants.W_OK)
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}
