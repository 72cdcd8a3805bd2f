// The one place that knows where the built addon is. Loading the library goes through here: nothing slow in it.
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { accessProblem } from './access.js'
import { currentFile, packageRoot, readJson, sourceHash } from './cache.js'
import { readElf } from './elf.js'
import { readVersion } from './libtorch-version.js'
import { gpuAnswers, missingCpuFlags } from './machine.js'
import { libtorchOf, PREBUILDS } from './prebuild.js'

/**
 * What an addon was built from and for; kept beside it as pfgm_torch.json.
 * @typedef {object} AddonMeta
 * @property {string} packageVersion
 * @property {string} sourceHash
 * @property {import('./libtorch.js').Libtorch} libtorch
 * @property {string} compiler
 * @property {string} platform
 * @property {string} arch
 * @property {string[]} cpuFlagsNeeded
 * @property {string} [clone] the checkout that it was built in; missing for an installed package
 * @property {string[]} [libraries] of a prebuilt addon: libtorch's libraries that it needs, in the order to open them in
 */

/**
 * @typedef {object} LocatedAddon
 * @property {string} file
 * @property {'env' | 'prebuild' | 'cache' | 'build'} origin how it was found: PFGM_ADDON, prebuilds/, the cache, build/Release
 * @property {AddonMeta} [meta] missing where no pfgm_torch.json lies beside the addon
 */

/** @typedef {'no-addon' | 'no-libtorch' | 'other-libtorch' | 'cpu' | 'musl' | 'glibc' | 'arch' | 'damaged' | 'crash' | 'access' | 'noexec' | 'unknown'} Cause */

/**
 * @typedef {object} AddonProblem
 * @property {Cause} cause
 * @property {string} message
 * @property {string} [fix] what mends it, where the cause alone does not say
 */

export const ADDON_NAME = 'pfgm_torch.node'
export const META_NAME = 'pfgm_torch.json'
/** Opens libtorch's libraries for a prebuilt addon, which lies beside it. */
export const OPENER_NAME = 'pfgm_open.node'

/**
 * @returns {LocatedAddon | undefined} undefined where none is built from the sources that are here
 */
export function locateAddon(env = process.env) {
  if (env.PFGM_ADDON) return describe(resolve(env.PFGM_ADDON), 'env')
  const hash = sourceHash()
  const cached = findCached(hash, env)
  // What was built although the package has an addon was asked for.
  return cached ?? findPrebuild(hash, env) ?? findBuilt(hash, env)
}

/** Why no addon is found although one may be there: the memory of the current one cannot be read. */
export function cacheProblem() {
  return accessProblem([currentFile(sourceHash())])
}

/**
 * @param {string} hash
 * @param {NodeJS.ProcessEnv} env
 */
function findPrebuild(hash, env) {
  const addon = prebuildOf(hash)
  const libtorch = addon && libtorchOf(addon.meta, hash, env)
  return libtorch && { ...addon, meta: { ...addon.meta, libtorch } }
}

/**
 * The addon that the package carries for this platform and these sources, said to be for the libtorch that it was built
 * with.
 * @param {string} hash sourceHash()
 * @returns {LocatedAddon & { meta: import('./prebuild.js').PrebuildMeta } | undefined}
 */
export function prebuildOf(hash) {
  const file = join(PREBUILDS, ADDON_NAME)
  const meta = readJson(join(PREBUILDS, META_NAME))
  return meta?.sourceHash === hash && existsSync(file) ? { file, origin: 'prebuild', meta } : undefined
}

/**
 * @param {string} hash
 * @param {NodeJS.ProcessEnv} env
 */
function findCached(hash, env) {
  const folder = readJson(currentFile(hash, env))?.folder
  if (typeof folder !== 'string') return undefined
  const file = join(dirname(currentFile(hash, env)), folder, ADDON_NAME)
  return existsSync(file) ? describe(file, 'cache') : undefined
}

/**
 * @param {string} hash
 * @param {NodeJS.ProcessEnv} env
 */
function findBuilt(hash, env) {
  const file = join(packageRoot, 'build', 'Release', ADDON_NAME)
  if (!existsSync(file)) return undefined
  const addon = describe(file, 'build')
  return fits(addon, hash, env) ? addon : undefined
}

/**
 * @param {LocatedAddon} addon
 * @param {string} hash
 * @param {NodeJS.ProcessEnv} env
 */
function fits({ meta }, hash, env) {
  if (meta?.sourceHash !== hash || !existsSync(meta.libtorch.path)) return false
  return !env.PFGM_LIBTORCH || meta.libtorch.path.startsWith(resolve(env.PFGM_LIBTORCH))
}

/**
 * @param {string} file
 * @param {LocatedAddon['origin']} origin
 * @returns {LocatedAddon}
 */
function describe(file, origin) {
  const meta = readJson(join(dirname(file), META_NAME)) ?? readJson(file.replace(/\.node$/, '.json'))
  return meta ? { file, origin, meta } : { file, origin }
}

/**
 * What keeps an addon from being loaded, as far as can be told without loading it.
 * @param {LocatedAddon} addon
 * @param {string} [cpuinfo] file to read
 * @returns {AddonProblem | undefined}
 */
export function addonProblem({ file, meta, origin }, cpuinfo) {
  const refused = accessProblem([file, ...(meta ? [meta.libtorch.path] : [])])
  if (refused) return { cause: 'access', ...refused }
  if (!existsSync(file)) {
    const named = origin === 'env' ? 'PFGM_ADDON names ' : ''
    return { cause: 'no-addon', message: `${named}${file}, which does not exist` }
  }
  if (meta && (meta.platform !== process.platform || meta.arch !== process.arch)) {
    return otherMachine(file, `${meta.platform}-${meta.arch}`)
  }
  return fileProblem(file) ?? (meta && (cpuProblem(meta, cpuinfo) ?? libtorchProblem(meta)))
}

/**
 * @param {string} file
 * @param {string} machine
 * @returns {AddonProblem}
 */
function otherMachine(file, machine) {
  const here = `${process.platform}-${process.arch}`
  return { cause: 'arch', message: `${file} is for ${machine}, and Node.js runs as ${here}` }
}

/**
 * A library that is cut short is not refused by the loader: reading on in it kills the process.
 * @param {string} file
 * @returns {AddonProblem | undefined}
 */
function fileProblem(file) {
  if (process.platform !== 'linux') return undefined
  const elf = readElf(file)
  if (!elf?.complete)
    return { cause: 'damaged', message: `${file} is damaged: it is cut short or no library` }
  return elf.arch === process.arch ? undefined : otherMachine(file, `linux-${elf.arch}`)
}

/**
 * @param {AddonMeta} meta
 * @param {string | undefined} cpuinfo
 * @returns {AddonProblem | undefined}
 */
function cpuProblem({ cpuFlagsNeeded }, cpuinfo) {
  const missing = missingCpuFlags(cpuFlagsNeeded, cpuinfo)
  if (missing.length === 0) return undefined
  return {
    cause: 'cpu',
    message: `this processor lacks instructions that the addon uses: ${missing.join(', ')}`,
  }
}

/**
 * @param {AddonMeta} meta
 * @returns {AddonProblem | undefined}
 */
function libtorchProblem({ libtorch }) {
  const version = readVersion(libtorch.path)
  if (version === undefined) {
    return {
      cause: 'no-libtorch',
      message: `the libtorch that the addon was built for is no longer at ${libtorch.path}`,
    }
  }
  if (version !== libtorch.version) {
    const message = `the addon was built for libtorch ${libtorch.version}, and ${libtorch.path} now holds ${version}`
    return { cause: 'other-libtorch', message }
  }
  return undefined
}

/**
 * libtorch's CUDA library, which must be loaded by name before a GPU can be used: nothing links to it, so that a CUDA
 * build of libtorch also works where there is no driver.
 * @param {import('./libtorch.js').Libtorch} libtorch
 * @returns {string | undefined} undefined for a CPU build and where no GPU answers
 */
export function cudaLibrary({ path, cuda }) {
  return cuda && gpuAnswers() ? join(path, 'lib', 'libtorch_cuda.so') : undefined
}

/**
 * Folder name of an addon in the cache, as the memory of the current one keeps it.
 * @param {string} folder
 */
export function currentEntry(folder) {
  return { folder: basename(folder) }
}
