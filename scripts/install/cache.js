// The folders that setup writes to, and the names in them.
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of this package: where package.json is. */
export const packageRoot = resolve(fileURLToPath(new URL('../..', import.meta.url)))

/** Whether this is the sources' own checkout: an installed package has no src/. */
export function isClone(root = packageRoot) {
  return existsSync(join(root, 'src')) && existsSync(join(root, 'tsconfig.json'))
}

export function packageVersion(root = packageRoot) {
  return /** @type {string} */ (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version)
}

/** The cache folder of this user. */
export function cacheRoot(env = process.env) {
  if (env.PFGM_CACHE) return resolve(env.PFGM_CACHE)
  if (process.platform === 'win32') {
    return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'pfgm-torch')
  }
  if (env.XDG_CACHE_HOME) return join(resolve(env.XDG_CACHE_HOME), 'pfgm-torch')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'pfgm-torch')
  return join(homedir(), '.cache', 'pfgm-torch')
}

/** What to do where the cache's place does not serve. */
export const CACHE_FIX = 'set PFGM_CACHE to a folder elsewhere'

/**
 * What the addon is built from: the native sources, the build's description and the package's version.
 * @returns {string} hex digits
 */
export function sourceHash(root = packageRoot) {
  const hash = createHash('sha256').update(packageVersion(root))
  for (const file of [join(root, 'CMakeLists.txt'), ...nativeFiles(join(root, 'native'))]) {
    hash.update(`\0${relative(root, file).split(sep).join('/')}\0`).update(readFileSync(file))
  }
  return hash.digest('hex').slice(0, 16)
}

/**
 * @param {string} folder
 * @returns {string[]} C++ files below a folder, in one order everywhere
 */
export function nativeFiles(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cpp|cu|h)$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

/** @param {string} text */
export function shortHash(text) {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/**
 * Folder of the addon that is built from these sources for this libtorch.
 * @param {{ path: string, version: string }} libtorch
 * @param {string} hash sourceHash()
 */
export function addonFolder(libtorch, hash) {
  const parts = [hash, libtorch.version, libtorch.path, process.platform, process.arch]
  return join(cacheRoot(), 'addon', shortHash(parts.join('\0')))
}

/**
 * File that remembers which addon folder is the one to load, so that loading need not look for libtorch. A
 * PFGM_LIBTORCH of its own has a memory of its own: two libtorchs can be used side by side.
 * @param {string} hash sourceHash()
 */
export function currentFile(hash, env = process.env) {
  const chosen = env.PFGM_LIBTORCH ? `-${shortHash(resolve(env.PFGM_LIBTORCH))}` : ''
  return join(cacheRoot(env), 'addon', `current-${hash}-${process.platform}-${process.arch}${chosen}.json`)
}

/**
 * A new name beside `target`, to write to before renaming.
 * @param {string} target
 */
export function temporaryName(target) {
  return join(dirname(target), `.tmp-${basename(target)}-${process.pid}-${randomBytes(4).toString('hex')}`)
}

/**
 * Writes a JSON file so that a reader sees the old or the new one, never a part.
 * @param {string} file
 * @param {unknown} value
 */
export function writeJson(file, value) {
  mkdirSync(dirname(file), { recursive: true })
  const temporary = temporaryName(file)
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`)
  renameSync(temporary, file)
}

/**
 * @param {string} file
 * @returns {any} undefined where the file is missing or is not JSON
 */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/**
 * Moves a finished folder to its name. Where another process was quicker, its folder stays and ours goes.
 * @param {string} temporary
 * @param {string} target
 * @param {(folder: string) => boolean} isGood whether a folder that is already there may stay
 */
export function publishFolder(temporary, target, isGood) {
  if (existsSync(target)) {
    if (isGood(target)) {
      rmSync(temporary, { recursive: true, force: true })
      return
    }
    const old = temporaryName(target)
    renameSync(target, old)
    rmSync(old, { recursive: true, force: true })
  }
  try {
    renameSync(temporary, target)
  } catch (error) {
    if (!isGood(target)) throw error
    rmSync(temporary, { recursive: true, force: true })
  }
}

/**
 * Removes what work that was killed left behind under temporary names.
 * @param {string} folder
 */
export function removeLeftovers(folder, olderThanMs = 24 * 3600e3) {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('.tmp-')) continue
    const path = join(folder, name)
    try {
      if (Date.now() - statSync(path).mtimeMs > olderThanMs) rmSync(path, { recursive: true, force: true })
    } catch {
      // another process removed it first
    }
  }
}

/**
 * Removes the addons that a clone built from sources that it no longer has. Those of the last hour stay: a process may
 * be about to load one.
 * @param {string} clone
 * @param {string} hash of the sources that it has
 */
export function removeOldAddons(clone, hash) {
  const parent = join(cacheRoot(), 'addon')
  for (const name of readdirSync(parent)) {
    const meta = readJson(join(parent, name, 'pfgm_torch.json'))
    if (meta?.clone !== clone || meta.sourceHash === hash) continue
    if (Date.now() - statSync(join(parent, name)).mtimeMs < 3600e3) continue
    rmSync(join(parent, name), { recursive: true, force: true })
    for (const each of readdirSync(parent)) {
      if (each.startsWith(`current-${meta.sourceHash}-`)) rmSync(join(parent, each), { force: true })
    }
  }
}
