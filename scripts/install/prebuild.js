// The addon that the package carries, and the libtorch that it runs with. Loading the library goes through here: nothing
// slow in it.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { currentFile, packageRoot, readJson, writeJson } from './cache.js'
import { readCuda, readVersion } from './libtorch-version.js'
import { pinnedFolder } from './release.js'

/** @typedef {import('./libtorch.js').Libtorch} Libtorch */
/** @typedef {import('./locate.js').AddonMeta} AddonMeta */
/** @typedef {AddonMeta & { libraries: string[] }} PrebuildMeta */

/** Of packages that bring a libtorch. */
export const PLATFORM_PACKAGE = `@pfgm-torch/libtorch-${process.platform}-${process.arch}`

export const PREBUILDS = join(packageRoot, 'prebuilds', `${process.platform}-${process.arch}`)

/**
 * The folder of the platform's package, whichever installer put it where.
 * @returns {string | undefined}
 */
export function platformPackage() {
  try {
    const require = createRequire(join(packageRoot, 'package.json'))
    return dirname(require.resolve(`${PLATFORM_PACKAGE}/package.json`))
  } catch {
    return undefined
  }
}

/**
 * The libtorch that a prebuilt addon runs with: the one named, or one that a setup was told of or found, or the platform
 * package's, or the one that a setup downloaded.
 * @param {PrebuildMeta} meta
 * @param {string} hash sourceHash()
 * @param {NodeJS.ProcessEnv} env
 * @returns {Libtorch | undefined}
 */
export function libtorchOf(meta, hash, env) {
  const { PFGM_LIBTORCH: named } = env
  const found = readJson(currentFile(hash, env))?.libtorch?.path
  const folders = named
    ? [resolve(named), resolve(named, 'libtorch'), resolve(named, 'torch'), found]
    : [found, platformPackage(), pinnedFolder(env)]
  const path = folders.find((folder) => folder !== undefined && runsWith(meta, folder))
  return path === undefined ? undefined : { path, version: meta.libtorch.version, cuda: readCuda(path) }
}

/**
 * Whether an addon that was built with another copy of a libtorch runs with this one.
 * @param {PrebuildMeta} meta
 * @param {string} folder
 */
export function runsWith({ libtorch, libraries }, folder) {
  return (
    readVersion(folder) === libtorch.version &&
    libraries.every((name) => existsSync(join(folder, 'lib', name)))
  )
}

/**
 * Remembers a libtorch that was found for the prebuilt addon where loading would not look.
 * @param {Libtorch} libtorch
 * @param {string} hash sourceHash()
 */
export function rememberLibtorch(libtorch, hash) {
  writeJson(currentFile(hash), { libtorch })
}
