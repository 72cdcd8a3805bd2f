import { createHash } from 'node:crypto'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { messageOf } from '../../scripts/install/error.js'
import { download } from '../../scripts/install/http.js'
import type { OnProgress } from '../../scripts/install/setup.js'
import { PfgmError } from '../errors.js'
import { withTemporaryFile } from '../files/temporary.js'
import { MNIST_FILES, MNIST_KINDS, type MnistKind, type MnistName, mnistCache } from './mnist.js'

/**
 * Downloads a data set to the cache, from its published addresses or the one that `PFGM_DATA_URL` names; a file is there
 * only once its checksum is right. Returns the folder.
 * @throws PfgmError `ERR_PFGM_DATA` where no address has a file, or another one than was published
 * @internal
 */
export async function downloadMnist(name: MnistName, onProgress: OnProgress): Promise<string> {
  const folder = mnistCache(name)
  await mkdir(folder, { recursive: true })
  for (const file of MNIST_FILES) await downloadFile(name, file, join(folder, `${file}.gz`), onProgress)
  return folder
}

async function downloadFile(name: MnistName, file: string, target: string, onProgress: OnProgress) {
  if (await isPublished(name, file, target)) return
  const failures: string[] = []
  for (const address of addressesOf(name)) {
    try {
      return await withTemporaryFile(target, async (temporary) => {
        await download({ url: new URL(`${file}.gz`, address).href }, temporary, onProgress)
        if (!(await isPublished(name, file, temporary))) {
          throw new Error(`${address}${file}.gz is not the file that was published: its MD5 is another`)
        }
        await rename(temporary, target)
      })
    } catch (error) {
      failures.push(messageOf(error))
    }
  }
  throw new PfgmError('ERR_PFGM_DATA', failures.join(' '))
}

function addressesOf(name: MnistName): readonly string[] {
  const own = process.env.PFGM_DATA_URL
  if (!own) return MNIST_KINDS[name].addresses
  return [new URL(`${name}/`, own.endsWith('/') ? own : `${own}/`).href]
}

async function isPublished(name: MnistName, file: string, path: string): Promise<boolean> {
  const { sums }: MnistKind = MNIST_KINDS[name]
  try {
    const gzipped = await readFile(path)
    const bytes = sums.of === 'gzipped' ? gzipped : await promisify(gunzip)(gzipped)
    return createHash('md5').update(bytes).digest('hex') === sums.md5[file]
  } catch {
    return false
  }
}
