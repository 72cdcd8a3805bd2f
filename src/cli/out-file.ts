import { access, constants, stat } from 'node:fs/promises'
import { dirname, extname, sep } from 'node:path'
import { UsageError } from './errors.js'

/**
 * What would only show after the work is refused before it.
 * @param extensions of the formats that can be written: `.png`
 * @param flag that gave the file
 */
export async function expectWritable(
  out: string,
  extensions: string | readonly string[],
  flag = '--out',
): Promise<void> {
  const received = `but received ${out}`
  const possible = [extensions].flat()
  if (!possible.includes(extname(out).toLowerCase())) {
    const formats = possible.length === 1 ? 'the format' : 'the formats'
    throw new UsageError(
      `Expected ${flag} to end in ${possible.join(', ')}, ${formats} that can be written, ${received}`,
    )
  }
  const folder = dirname(out)
  if (!(await isFolder(folder))) {
    throw new UsageError(`Expected ${flag} to be in a folder ${received}: there is no folder ${folder}`)
  }
  if (await isFolder(out)) throw new UsageError(`Expected ${flag} to be a file ${received}, a folder`)
  await access(folder, constants.W_OK)
}

/** Whether a folder is meant: one that is there, or a name with a slash at its end. */
export async function namesFolder(out: string): Promise<boolean> {
  return out.endsWith('/') || out.endsWith(sep) || (await isFolder(out))
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}
