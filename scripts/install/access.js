// What keeps this process from files and from native code although they are there.
import { accessSync, constants } from 'node:fs'
import { sep } from 'node:path'
import { cacheRoot } from './cache.js'

/** @typedef {{ message: string, fix: string }} AccessProblem */

/**
 * @param {readonly string[]} paths files and folders, which need not be there
 * @returns {AccessProblem | undefined} undefined where none is refused
 */
export function accessProblem(paths) {
  const refused = paths.map((path) => ({ path, code: refusal(path) })).filter(({ code }) => code)
  if (refused.length === 0) return undefined
  const names = refused.map(({ path }) => path).join(' and ')
  if (refused.some(({ code }) => code !== 'ERR_ACCESS_DENIED')) {
    const fix =
      'make it readable for this user, or set PFGM_CACHE to a folder that you own and run `npx pfgm-torch setup`'
    return { message: `${names} cannot be read (${refused[0]?.code})`, fix }
  }
  const folders = new Set(refused.map(({ path }) => folderOf(path)))
  const flags = [...folders].map((folder) => `--allow-fs-read=${folder}`).join(' ')
  const message = `Node.js was started with its permission model, which does not let it read ${names}`
  return { message, fix: `start Node.js with --allow-addons ${flags}` }
}

/**
 * @param {string} path
 * @returns {string | undefined} the error's code where the path is refused, not missing
 */
function refusal(path) {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : code
  }
}

/** @param {string} path */
function folderOf(path) {
  return path.startsWith(cacheRoot() + sep) ? cacheRoot() : path
}

/**
 * Whether Node.js was told to load no native addons.
 * @param {string} said the loader's message
 * @returns {AccessProblem | undefined}
 */
export function addonsForbidden(said) {
  if (!/ERR_DLOPEN_DISABLED|loading addons is disabled/.test(said)) return undefined
  const model = 'permission' in process && !process.execArgv.includes('--no-addons')
  return {
    message: 'Node.js was started so that it loads no native addons',
    fix: model ? 'start Node.js with --allow-addons' : 'start Node.js without --no-addons',
  }
}
