// The libtorch to build for: the one named, one that is there, or the pinned release.
import { resolve } from 'node:path'
import { downloadLibtorch } from './download.js'
import { SetupError } from './error.js'
import { findLibtorch, inspectLibtorch, isArchive } from './libtorch.js'
import { PINNED_VERSION } from './release.js'
import { unpackIntoCache } from './unpack.js'

/** @typedef {import('./setup.js').OnProgress} OnProgress */
/** @typedef {{ libtorch: import('./libtorch.js').Libtorch, from: string, refused: string[] }} Resolved */

/**
 * @typedef {object} Wish
 * @property {string | undefined} [libtorch] folder or archive
 * @property {boolean} download whether it may be downloaded where none is there
 * @property {(libtorch: import('./libtorch.js').Libtorch) => Promise<string | undefined>} [unsuited] why one that is there,
 *   and that nobody named, does not serve: another is downloaded then
 * @property {() => Promise<void>} [beforeDownload] throws where a download would be for nothing
 * @property {OnProgress} onProgress
 */

/**
 * @param {Wish} wish
 * @returns {Promise<Resolved>}
 */
export async function resolveLibtorch({ libtorch: option, download, unsuited, beforeDownload, onProgress }) {
  onProgress({ phase: 'find', message: 'Looking for libtorch' })
  if (option) return resolveNamed(option, '--libtorch', onProgress)
  if (process.env.PFGM_LIBTORCH) return resolveNamed(process.env.PFGM_LIBTORCH, 'PFGM_LIBTORCH', onProgress)
  const { libtorch, from = '', refused } = await findLibtorch()
  if (libtorch) {
    const reason = download ? await unsuited?.(libtorch) : undefined
    if (!reason) return { libtorch, from, refused }
    refused.push(reason)
  }
  if (!download) throw new SetupError(noLibtorch(refused))
  const got = await downloadInstead(refused, beforeDownload, onProgress)
  return { libtorch: mustInspect(got.folder, 'The downloaded libtorch'), from: got.from, refused }
}

/**
 * @param {string[]} refused
 * @param {Wish['beforeDownload']} beforeDownload
 * @param {OnProgress} onProgress
 */
async function downloadInstead(refused, beforeDownload, onProgress) {
  try {
    await beforeDownload?.()
    return await downloadLibtorch(onProgress)
  } catch (error) {
    if (!(error instanceof SetupError) || refused.length === 0) throw error
    throw new SetupError(`${error.message} Not used: ${refused.join('; ')}.`, { cause: error })
  }
}

/**
 * @param {string} given
 * @param {string} name
 * @param {OnProgress} onProgress
 * @returns {Promise<Resolved>}
 */
async function resolveNamed(given, name, onProgress) {
  const path = resolve(given)
  const folder = isArchive(path) ? await unpackIntoCache(path, onProgress) : path
  return { libtorch: mustInspect(folder, name), from: name, refused: [] }
}

/**
 * @param {string} folder
 * @param {string} name
 */
function mustInspect(folder, name) {
  const { libtorch, reason } = inspectLibtorch(folder)
  if (libtorch) return libtorch
  const wanted = 'a libtorch folder or archive (.zip, .whl, .tar.gz)'
  throw new SetupError(`${name} does not name ${wanted} that can be used: ${reason}.`)
}

/** @param {string[]} refused */
function noLibtorch(refused) {
  const found = refused.length > 0 ? ` (not usable: ${refused.join('; ')})` : ''
  return (
    `No libtorch is on this machine${found}. Run \`npx pfgm-torch setup\`: it downloads libtorch ${PINNED_VERSION} ` +
    'for the CPU and builds the addon.'
  )
}
