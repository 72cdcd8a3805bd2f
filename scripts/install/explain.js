// Tells from what the loader says why an addon did not load, and the command that mends it.
import { sep } from 'node:path'
import { addonsForbidden } from './access.js'
import { CACHE_FIX } from './cache.js'
import { addonProblem } from './locate.js'
import { isMusl } from './machine.js'
import { PREBUILDS, platformPackage } from './prebuild.js'
import { CPU_FIX, unsupportedSystem } from './toolchain.js'

/** @typedef {import('./locate.js').LocatedAddon} LocatedAddon */
/** @typedef {import('./locate.js').AddonProblem} AddonProblem */

const REBUILD = 'npx pfgm-torch setup --force'

/**
 * @param {LocatedAddon} addon
 * @param {string} said the loader's message
 * @returns {AddonProblem & { fix: string }}
 */
export function explainLoadFailure(addon, said) {
  const problem = knownProblem(addon, said)
  return { ...problem, fix: problem.fix ?? fixOf(problem.cause, addon) }
}

/**
 * @param {LocatedAddon} addon
 * @param {string} said
 * @returns {AddonProblem}
 */
function knownProblem(addon, said) {
  const early = addonProblem(addon)
  if (early) return early
  const forbidden = addonsForbidden(said)
  if (forbidden) return { cause: 'access', ...forbidden }
  if (isMusl() || /ld-musl|__.*_chk: symbol not found|Error relocating/.test(said)) {
    return { cause: 'musl', message: unsupportedSystem(true)?.detail ?? '' }
  }
  return problemIn(said, addon)
}

/**
 * @param {string} said
 * @param {LocatedAddon} addon
 * @returns {AddonProblem}
 */
function problemIn(said, { meta }) {
  const glibc = /version [`']((?:GLIBC|GLIBCXX|CXXABI)_[\d.]+)' not found/.exec(said)
  if (glibc) {
    const message = `the addon or its libtorch needs ${glibc[1]}, which is newer than this system's C or C++ library`
    return { cause: 'glibc', message }
  }
  const unmapped = /(\/.*?): failed to map segment from shared object/.exec(said)
  if (unmapped) {
    const message = `the system does not let ${unmapped[1]} be run, as on a file system that is mounted with noexec`
    const fix = 'install pfgm-torch in a folder on another file system'
    return { cause: 'noexec', message, ...(isInstalled(unmapped[1] ?? '') && { fix }) }
  }
  const library = /(\S+): cannot open shared object file|Library not loaded: (\S+)/.exec(said)
  if (library) {
    const name = library[1] ?? library[2]
    return { cause: 'no-libtorch', message: `the library ${name} that the addon needs is not found` }
  }
  const symbol = /undefined symbol: (\S+?),?(?:\s|$)|symbol not found/i.exec(said)
  if (symbol) {
    const built = meta ? ` ${meta.libtorch.version}` : ''
    const message = `the addon was built for another libtorch${built}: ${symbol[1] ?? 'a symbol'} is not in this one`
    return { cause: 'other-libtorch', message }
  }
  return { cause: 'unknown', message: said.trim() }
}

/**
 * Whether a library came with the package or its platform's.
 * @param {string} file
 */
function isInstalled(file) {
  return [PREBUILDS, platformPackage()].some(
    (folder) => folder !== undefined && file.startsWith(folder + sep),
  )
}

/**
 * @param {AddonProblem['cause']} cause
 * @param {LocatedAddon} addon
 */
function fixOf(cause, { origin }) {
  if (cause === 'musl') return unsupportedSystem(true)?.fix ?? ''
  if (cause === 'cpu') return CPU_FIX
  if (cause === 'glibc') return 'use a newer Linux, or name a libtorch of this system with PFGM_LIBTORCH'
  if (origin === 'env') return 'set PFGM_ADDON to an addon that is built here, or unset it'
  if (cause === 'noexec')
    return `${CACHE_FIX}, and PFGM_LIBTORCH where it is used, and run \`npx pfgm-torch setup\``
  return `run \`${REBUILD}\``
}

/**
 * What mends a CUDA library that does not load.
 * @param {string} said the loader's message
 */
export function cudaFix(said) {
  if (/\blibcuda\.so/.test(said))
    return 'install the NVIDIA driver; in a container, start it with the GPU (docker run --gpus all)'
  return `install this libtorch anew with all its libraries, or name another with PFGM_LIBTORCH; then run \`${REBUILD}\``
}

/**
 * What a process that only loads the addon ended with.
 * @param {LocatedAddon} addon
 * @param {import('./run.js').Outcome} outcome
 * @returns {AddonProblem & { fix: string } | undefined} undefined where it loaded
 */
export function explainTrial(addon, { code, signal, output }) {
  if (code === 0) return undefined
  if (signal === 'SIGILL') {
    const message = 'the addon was stopped by an instruction that this processor does not have (SIGILL)'
    return { cause: 'cpu', message, fix: fixOf('cpu', addon) }
  }
  if (signal) {
    const message = `loading the addon crashed the process (${signal})`
    return { cause: 'crash', message, fix: `run \`${REBUILD}\`` }
  }
  return explainLoadFailure(addon, /Error: (.*)/.exec(output)?.[1] ?? output)
}
