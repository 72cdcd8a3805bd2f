// Makes the library ready to use: libtorch found or downloaded, the addon built, and tried.
import { realpathSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildAddon, findCachedAddon, needToolchain, refusePaths } from './build.js'
import { CACHE_FIX, cacheRoot, sourceHash } from './cache.js'
import { endedBySignals } from './ending.js'
import { messageOf, SetupError } from './error.js'
import { addonProblem, cacheProblem, locateAddon, prebuildOf } from './locate.js'
import { gpuAnswers, noexecMount } from './machine.js'
import { PLATFORM_PACKAGE, platformPackage, rememberLibtorch, runsWith } from './prebuild.js'
import { pinnedFolder } from './release.js'
import { resolveLibtorch } from './resolve.js'
import { findToolchain, missingTools, unsupportedCpu, unsupportedSystem } from './toolchain.js'
import { tryAddon } from './trial.js'
import { needUnpacker } from './unpack.js'

/** @typedef {import('./locate.js').LocatedAddon} LocatedAddon */

/**
 * @typedef {object} ProgressEvent
 * @property {'find' | 'download' | 'unpack' | 'configure' | 'compile' | 'check'} phase
 * @property {string} message what is being done, in words
 * @property {number} [done] how far it is; bytes where `unit` says so
 * @property {number | undefined} [total]
 * @property {'bytes'} [unit]
 */

/** @typedef {(event: ProgressEvent) => void} OnProgress */

/**
 * @typedef {object} SetupOptions
 * @property {string | undefined} [libtorch] a libtorch folder, or an archive of one (.zip, .whl, .tar.gz)
 * @property {boolean | undefined} [force] build anew even where the addon is there
 * @property {boolean | undefined} [download] whether libtorch may be downloaded where none is there; default true
 * @property {boolean | undefined} [prebuiltOnly] use the prebuilt addon that the package carries, never compile
 * @property {boolean | undefined} [fromSource] compile although the package carries an addon that fits; it is used from then on
 * @property {OnProgress | undefined} [onProgress]
 */

/**
 * @typedef {object} SetupReport
 * @property {boolean} ok
 * @property {'none' | 'adopted' | 'built' | 'failed'} action what was done
 * @property {string} summary one paragraph: what was done, or what is missing and the command that mends it
 * @property {string} [file] the addon, where ok
 * @property {import('./locate.js').AddonMeta} [meta]
 * @property {number} seconds
 */

/**
 * Finds or downloads libtorch and builds the addon for it. Failures are reported, not thrown. SIGINT, SIGTERM and SIGHUP
 * end the process, with nothing half done.
 * @param {SetupOptions} [options]
 * @returns {Promise<SetupReport>}
 */
export async function setup(options = {}) {
  const started = performance.now()
  const seconds = () => (performance.now() - started) / 1000
  try {
    return { ok: true, ...(await endedBySignals(() => perform(options))), seconds: seconds() }
  } catch (error) {
    return { ok: false, action: 'failed', summary: failure(error), seconds: seconds() }
  }
}

/**
 * @param {unknown} error
 */
function failure(error) {
  const { code, path } = /** @type {NodeJS.ErrnoException} */ (error)
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOSPC') {
    return `pfgm-torch could not write ${path ?? 'its cache'} (${code}). Set PFGM_CACHE to a folder with room that you own.`
  }
  const known = error instanceof SetupError
  return `pfgm-torch is not set up. ${known ? error.message : `Unexpected: ${messageOf(error)}`}`
}

/**
 * @param {SetupOptions} options
 * @returns {Promise<Pick<SetupReport, 'action' | 'summary' | 'file' | 'meta'>>}
 */
async function perform(options) {
  if (process.env.PFGM_ADDON) return useNamed(process.env)
  const onProgress = options.onProgress ?? (() => {})
  const ready = await usePrebuilt(options, onProgress)
  if (ready) return ready
  refuseMachine()
  const { libtorch, from, refused } = await resolveLibtorch({
    libtorch: options.libtorch,
    download: options.download !== false,
    unsuited: (found) => unsuited(found, options),
    beforeDownload: async () => {
      refusePaths(pinnedFolder(), cacheRoot())
      if (options.prebuiltOnly) mustHavePrebuild()
      else if (options.fromSource || !prebuildOf(sourceHash())) return void (await needToolchain())
      await needUnpacker()
    },
    onProgress,
  })
  const made = (await reuse(libtorch, options)) ?? (await make(libtorch, options, onProgress))
  if (made.action !== 'none') {
    onProgress({ phase: 'check', message: 'Loading the addon once' })
    const origin = made.action === 'adopted' ? 'prebuild' : 'cache'
    await mustLoad({ file: made.file, meta: made.meta, origin })
  }
  return { action: made.action, file: made.file, meta: made.meta, summary: summarise(made, from, refused) }
}

/**
 * Why a libtorch that was found does not serve: the addon that the package carries is for another version, and none can be
 * compiled for this one.
 * @param {import('./libtorch.js').Libtorch} libtorch
 * @param {SetupOptions} options
 */
async function unsuited(libtorch, options) {
  const prebuild = wantedPrebuild(options)
  if (!prebuild || runsWith(prebuild.meta, libtorch.path)) return undefined
  const carried = `${libtorch.path} is ${libtorch.version}, and the addon that the package carries runs with libtorch ${prebuild.meta.libtorch.version}`
  if (options.prebuiltOnly) return carried
  if (findCachedAddon(libtorch)) return undefined
  const missing = missingTools(await findToolchain())
  return missing && `${carried} (none is compiled for the former: ${missing.detail})`
}

/** @param {NodeJS.ProcessEnv} env */
async function useNamed(env) {
  const addon = locateAddon(env)
  if (addon) await mustLoad(addon)
  return {
    action: /** @type {const} */ ('none'),
    summary: `PFGM_ADDON names ${addon?.file}, which loads: nothing to do.`,
  }
}

/**
 * The addon and the libtorch that came with the package, which need nothing more: not even the cache.
 * @param {SetupOptions} options
 * @param {OnProgress} onProgress
 */
async function usePrebuilt({ libtorch, force, fromSource }, onProgress) {
  const addon = libtorch || force || fromSource ? undefined : locateAddon()
  if (addon?.origin !== 'prebuild' || !addon.meta) return undefined
  onProgress({ phase: 'check', message: 'Loading the addon once' })
  await mustLoad(addon)
  const { file, meta } = addon
  return {
    action: /** @type {const} */ ('none'),
    file,
    meta,
    summary: summarise({ action: 'adopted', file, meta, seconds: 0 }, placeOf(meta), []),
  }
}

/** @param {import('./locate.js').AddonMeta} meta */
function placeOf({ libtorch: { path } }) {
  return path === platformPackage() ? PLATFORM_PACKAGE : 'this machine'
}

/** What no download can mend is said before one. */
function refuseMachine() {
  const problem = unsupportedSystem() ?? unsupportedCpu()
  if (problem) throw new SetupError(`${problem.detail}. To mend it: ${problem.fix}.`)
  const noexec = noexecMount(cacheRoot())
  if (noexec === undefined) return
  const detail = `No library can be loaded from the cache ${cacheRoot()}, as ${noexec} is mounted with noexec`
  throw new SetupError(`${detail}. To mend it: ${CACHE_FIX}.`)
}

/**
 * @typedef {object} Made
 * @property {'none' | 'adopted' | 'built'} action
 * @property {string} file
 * @property {import('./locate.js').AddonMeta} meta
 * @property {number} seconds
 */

/**
 * The addon that an earlier setup built for the same libtorch, if it still loads.
 * @param {import('./libtorch.js').Libtorch} libtorch
 * @param {SetupOptions} options
 * @returns {Promise<Made | undefined>}
 */
async function reuse(libtorch, { force, prebuiltOnly }) {
  const addon = force || prebuiltOnly ? undefined : findCachedAddon(libtorch)
  if (!addon) return undefined
  if (!(await tryAddon({ ...addon, origin: 'cache' }))) return { action: 'none', ...addon, seconds: 0 }
  rmSync(dirname(addon.file), { recursive: true, force: true })
  return undefined
}

/**
 * @param {import('./libtorch.js').Libtorch} libtorch
 * @param {SetupOptions} options
 * @param {OnProgress} onProgress
 * @returns {Promise<Made>}
 */
async function make(libtorch, options, onProgress) {
  const { force, prebuiltOnly } = options
  const prebuild = prebuiltOnly ? mustHavePrebuild() : wantedPrebuild(options)
  if (prebuild && runsWith(prebuild.meta, libtorch.path)) {
    rememberLibtorch(libtorch, sourceHash())
    return { action: 'adopted', file: prebuild.file, meta: { ...prebuild.meta, libtorch }, seconds: 0 }
  }
  if (!prebuild) return buildAddon({ libtorch, force, onProgress })
  const { version } = prebuild.meta.libtorch
  const why = `The addon that the package carries runs with libtorch ${version}, and ${libtorch.path} is ${libtorch.version}.`
  if (prebuiltOnly) {
    throw new SetupError(
      `${why} Name one of that version with --libtorch, or build an addon with \`npx pfgm-torch setup --build-from-source\`.`,
    )
  }
  return buildAddon({ libtorch, force, onProgress }).catch((error) => {
    throw error instanceof SetupError
      ? new SetupError(`${why} For the latter: ${error.message}`, { cause: error })
      : error
  })
}

/**
 * The addon that the package carries, where one is not to be compiled in any case.
 * @param {SetupOptions} options
 */
function wantedPrebuild({ force, fromSource }) {
  return force || fromSource ? undefined : prebuildOf(sourceHash())
}

function mustHavePrebuild() {
  const prebuild = prebuildOf(sourceHash())
  if (prebuild) return prebuild
  throw new SetupError(
    `The package carries no addon for ${process.platform}-${process.arch}. Run \`npx pfgm-torch setup\` to build one.`,
  )
}

/** @param {LocatedAddon} addon */
async function mustLoad(addon) {
  const problem = await tryAddon(addon)
  if (problem)
    throw new SetupError(`The addon does not load: ${problem.message}. To mend it: ${problem.fix}.`)
}

/**
 * @param {Made} made
 * @param {string} from
 * @param {string[]} refused
 */
function summarise({ action, file, meta, seconds }, from, refused) {
  const { version, path, cuda } = meta.libtorch
  const kind = cuda
    ? `CUDA ${cuda}, ${gpuAnswers() ? 'a GPU answers' : 'no GPU answers: the CPU is used'}`
    : 'CPU'
  const did = {
    none: 'its addon was built before',
    adopted: 'the prebuilt addon fits it',
    built: `the addon was built in ${seconds.toFixed(0)} s with ${meta.compiler}`,
  }
  const passed = refused.length > 0 ? ` Not used: ${refused.join('; ')}.` : ''
  return (
    `pfgm-torch is ready. libtorch ${version} (${kind}) from ${from} is at ${path}; ` +
    `${did[action]} and is at ${file}.${passed}`
  )
}

/**
 * The addon, set up first where it is not there. Throws an error with the code ERR_PFGM_SETUP where that fails.
 * `onReport` hears what a setup did, where one was needed.
 * @param {{ onProgress?: OnProgress | undefined, onReport?: ((report: SetupReport) => void) | undefined }} [options]
 * @returns {Promise<LocatedAddon>}
 */
export async function ensureAddon({ onProgress, onReport } = {}) {
  const addon = locateAddon()
  if (addon && (addon.origin === 'env' || !addonProblem(addon))) return addon
  const refused = addon ? undefined : cacheProblem()
  if (refused) throw new SetupError(`${refused.message}. To mend it: ${refused.fix}.`)
  const report = await setup({ onProgress })
  if (!report.ok) throw new SetupError(report.summary)
  onReport?.(report)
  const made = locateAddon()
  if (!made) throw new SetupError('Setup ended well, and yet no addon is found. Run `npx pfgm-torch doctor`.')
  return made
}

async function main() {
  const options = {
    libtorch: { type: /** @type {const} */ ('string') },
    force: { type: /** @type {const} */ ('boolean') },
  }
  const { values } = parseArgs({ options })
  const report = await setup({ ...values, onProgress: printProgress() })
  console.log(report.summary)
  if (!report.ok) process.exitCode = 1
}

/** A line for every step, and for every tenth of the long ones. */
function printProgress() {
  let last = ''
  /** @type {OnProgress} */
  return ({ message, done, total }) => {
    const tenth = done !== undefined && total ? ` ${Math.floor((10 * done) / total) * 10} %` : ''
    if (message + tenth !== last) console.error(message + tenth)
    last = message + tenth
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main()
