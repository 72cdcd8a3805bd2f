// Makes the library ready to use: libtorch found or downloaded, the addon built, and tried.
import { realpathSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildAddon, findCachedAddon, needToolchain, refusePaths } from './build.js'
import { CACHE_FIX, cacheRoot } from './cache.js'
import { endedBySignals } from './ending.js'
import { messageOf, SetupError } from './error.js'
import { pinnedFolder } from './libtorch.js'
import { addonProblem, cacheProblem, locateAddon } from './locate.js'
import { gpuAnswers, noexecMount } from './machine.js'
import { adoptPrebuild } from './prebuild.js'
import { resolveLibtorch } from './resolve.js'
import { unsupportedCpu, unsupportedSystem } from './toolchain.js'
import { tryAddon } from './trial.js'

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
 * @property {boolean | undefined} [prebuiltOnly] use a prebuilt addon, never compile
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
  refuseMachine()
  const { libtorch, from, refused } = await resolveLibtorch({
    libtorch: options.libtorch,
    download: options.download !== false,
    beforeDownload: async () => {
      refusePaths(pinnedFolder(), cacheRoot())
      if (!options.prebuiltOnly) await needToolchain()
    },
    onProgress,
  })
  const made = (await reuse(libtorch, options)) ?? (await make(libtorch, options, onProgress))
  if (made.action !== 'none') {
    onProgress({ phase: 'check', message: 'Loading the addon once' })
    await mustLoad(made)
  }
  return { action: made.action, file: made.file, meta: made.meta, summary: summarise(made, from, refused) }
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
async function reuse(libtorch, { force }) {
  const addon = force ? undefined : findCachedAddon(libtorch)
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
async function make(libtorch, { force, prebuiltOnly }, onProgress) {
  const adopted = force && !prebuiltOnly ? undefined : adoptPrebuild(libtorch)
  if (adopted) return { action: 'adopted', ...adopted, seconds: 0 }
  if (prebuiltOnly) {
    const fix = 'Run `npx pfgm-torch setup` to build one.'
    throw new SetupError(
      `The package carries no addon for libtorch ${libtorch.version} on this platform. ${fix}`,
    )
  }
  return buildAddon({ libtorch, force, onProgress })
}

/** @param {{ file: string, meta?: import('./locate.js').AddonMeta }} addon */
async function mustLoad({ file, meta }) {
  const problem = await tryAddon({
    file,
    origin: process.env.PFGM_ADDON ? 'env' : 'cache',
    ...(meta && { meta }),
  })
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
