// Brings the pinned CPU release of libtorch into the cache.
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { removeLeftovers, temporaryName } from './cache.js'
import { withTemporaryFolder } from './ending.js'
import { messageOf, SetupError } from './error.js'
import { download } from './http.js'
import { inspectLibtorch } from './libtorch.js'
import { withLock } from './lock.js'
import { pipDownload } from './pip.js'
import { pinnedArchive, pinnedFolder } from './release.js'
import { unpack } from './unpack.js'

/** @typedef {import('./setup.js').OnProgress} OnProgress */

/**
 * @param {OnProgress} onProgress
 * @returns {Promise<{ folder: string, from: string }>}
 */
export async function downloadLibtorch(onProgress) {
  const target = pinnedFolder()
  const waiting = () =>
    onProgress({ phase: 'download', message: 'Waiting for another setup that downloads libtorch' })
  return withLock(`${target}.lock`, () => downloadTo(target, onProgress), waiting)
}

/**
 * @param {string} target
 * @param {OnProgress} onProgress
 */
async function downloadTo(target, onProgress) {
  if (existsSync(target) && inspectLibtorch(target).libtorch) return { folder: target, from: 'the cache' }
  removeLeftovers(dirname(target))
  const temporary = temporaryName(target)
  return withTemporaryFolder(temporary, async () => {
    const { archive, from } = await getArchive(temporary, onProgress)
    await unpack(archive, target, onProgress)
    return { folder: target, from }
  })
}

/**
 * The official archive; where it cannot be had, pip's wheel of the same build. A place that the user named is the
 * only one tried.
 * @param {string} folder
 * @param {OnProgress} onProgress
 */
async function getArchive(folder, onProgress) {
  const pinned = pinnedArchive()
  let first = `No libtorch is published for ${process.platform}-${process.arch}.`
  if (pinned) {
    try {
      const archive = join(folder, decodeURIComponent(basename(new URL(pinned.url).pathname)))
      await download(pinned, archive, onProgress)
      return { archive, from: pinned.url }
    } catch (error) {
      if (process.env.PFGM_LIBTORCH_URL) throw error
      first = messageOf(error)
    }
  }
  try {
    return { archive: await pipDownload(folder, onProgress), from: 'pip' }
  } catch (error) {
    throw new SetupError(`${first} ${messageOf(error)}`, { cause: error })
  }
}
