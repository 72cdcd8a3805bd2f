import { fsync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'

const syncNumber = promisify(fsync)

/** Brings what was written to the disk. By the file's number: the files that Yarn's Plug'n'Play opens cannot do it themselves. */
export async function sync({ fd }: FileHandle): Promise<void> {
  await syncNumber(fd)
}
