// Tells what keeps the library from working. Looks only, changes nothing.
import { accessSync, constants, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CACHE_FIX, cacheRoot } from './cache.js'
import { endedBySignals } from './ending.js'
import { messageOf } from './error.js'
import { cudaFix } from './explain.js'
import { findLibtorch, inspectLibtorch, isArchive } from './libtorch.js'
import { cacheProblem, cudaLibrary, locateAddon } from './locate.js'
import { cpuFlagsNeeded, existingFolder, gpuAnswers, noexecMount } from './machine.js'
import { PINNED_VERSION } from './release.js'
import { findToolchain, installCommand, unsupportedCpu, unsupportedSystem } from './toolchain.js'
import { tryAddon, tryCuda } from './trial.js'

/**
 * @typedef {object} Finding
 * @property {string} name what was looked at
 * @property {boolean} ok
 * @property {string} detail what was found
 * @property {string} fix the command or step that mends it; empty where ok
 */

/** @typedef {import('./locate.js').LocatedAddon} LocatedAddon */

const SETUP = 'npx pfgm-torch setup'

/**
 * Looks at everything that the library needs, in order; tells cause from cause. Changes nothing.
 * @returns {Promise<Finding[]>}
 */
export function doctor() {
  return endedBySignals(examine)
}

/** @returns {Promise<Finding[]>} */
async function examine() {
  const addon = locateAddon()
  const problem = addon && (await tryAddon(addon))
  const working = addon && !problem ? addon : undefined
  return [
    checkNode(),
    checkPlatform(),
    checkCpu(),
    checkCache(),
    ...(await checkTools(working !== undefined)),
    ...(await checkLibtorch(working)),
    checkAddon(addon, problem),
  ]
}

/**
 * @param {string} name
 * @param {string} detail
 * @returns {Finding}
 */
function good(name, detail) {
  return { name, ok: true, detail, fix: '' }
}

/**
 * @param {string} name
 * @param {string} detail
 * @param {string} fix
 * @returns {Finding}
 */
function bad(name, detail, fix) {
  return { name, ok: false, detail, fix }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const detail = `Node.js ${process.versions.node}`
  if (major > 20 || (major === 20 && minor >= 19)) return good('Node.js', detail)
  return bad('Node.js', `${detail} is too old`, 'install Node.js 20.19 or newer')
}

function checkPlatform() {
  const platform = `${process.platform}-${process.arch}`
  const system = unsupportedSystem()
  if (system) return bad('platform', system.detail, system.fix)
  return good('platform', platform === 'linux-x64' ? platform : `${platform} (only linux-x64 is tested)`)
}

function checkCpu() {
  const problem = unsupportedCpu()
  if (problem) return bad('processor', problem.detail, problem.fix)
  const needed = cpuFlagsNeeded()
  return good('processor', needed.length > 0 ? `has ${needed.join(', ')}` : 'nothing special is needed')
}

function checkCache() {
  const folder = cacheRoot()
  const noexec = noexecMount(folder)
  if (noexec !== undefined)
    return bad('cache', `${folder}: no library can be loaded from ${noexec} (noexec)`, CACHE_FIX)
  try {
    accessSync(existingFolder(folder), constants.W_OK)
    return good('cache', folder)
  } catch (error) {
    return bad(
      'cache',
      `${folder} cannot be written: ${messageOf(error)}`,
      'set PFGM_CACHE to a folder that you own',
    )
  }
}

/**
 * @param {boolean} built whether there is a working addon, which needs no tools any more
 * @returns {Promise<Finding[]>}
 */
async function checkTools(built) {
  const { compiler, cmake, make } = await findToolchain()
  const tools = /** @type {const} */ ([
    ['compiler', compiler],
    ['CMake', cmake],
    ['build tool', make],
  ])
  return tools.map(([name, { ok, detail }]) => {
    if (ok) return good(name, detail)
    return built ? good(name, `${detail}, and the addon is built`) : bad(name, detail, installCommand())
  })
}

/**
 * @param {LocatedAddon | undefined} working
 * @returns {Promise<Finding[]>}
 */
async function checkLibtorch(working) {
  const used = working?.meta?.libtorch
  if (used) return [good('libtorch', `${used.version}: ${used.path}`), await checkGpu(used, working)]
  const named = process.env.PFGM_LIBTORCH
  if (named && isArchive(named)) return [good('libtorch', `the archive ${named} (PFGM_LIBTORCH)`)]
  const { libtorch, from, refused } = named ? inspectNamed(named) : await findLibtorch()
  if (libtorch)
    return [good('libtorch', `${libtorch.version} from ${from}: ${libtorch.path}`), await checkGpu(libtorch)]
  const detail = refused.length > 0 ? refused.join('; ') : 'no libtorch is on this machine'
  const fix = named
    ? 'set PFGM_LIBTORCH to a whole libtorch, or unset it'
    : `${SETUP} (downloads ${PINNED_VERSION})`
  return [bad('libtorch', detail, fix)]
}

/**
 * @param {string} folder
 * @returns {import('./libtorch.js').Found}
 */
function inspectNamed(folder) {
  const { libtorch, reason } = inspectLibtorch(folder)
  return libtorch
    ? { libtorch, from: 'PFGM_LIBTORCH', refused: [] }
    : { refused: [`PFGM_LIBTORCH: ${reason}`] }
}

/**
 * @param {import('./libtorch.js').Libtorch} libtorch
 * @param {LocatedAddon} [working] an addon that is built for it; without one a GPU cannot be tried
 * @returns {Promise<Finding>}
 */
async function checkGpu(libtorch, working) {
  if (!libtorch.cuda)
    return good('GPU', gpuAnswers() ? 'there, but this libtorch is a CPU build' : 'none: the CPU is used')
  const built = `libtorch is built for CUDA ${libtorch.cuda}`
  const library = cudaLibrary(libtorch)
  if (!library) return good('GPU', `${built}; no GPU: the CPU is used`)
  if (!working) return good('GPU', `${built}; a GPU answers`)
  const tried = await tryCuda(working, library)
  if (tried.problem !== undefined) {
    const detail = `a GPU answers, but libtorch's CUDA library does not load: ${tried.problem}`
    return bad('GPU', detail, cudaFix(tried.problem))
  }
  if (tried.devices > 0) return good('GPU', `${built}; it finds ${tried.devices}`)
  const fix = `install an NVIDIA driver for CUDA ${libtorch.cuda} or newer, or unset CUDA_VISIBLE_DEVICES`
  return bad('GPU', `${built} and loads, but finds no GPU that it can use`, fix)
}

/**
 * @param {LocatedAddon | undefined} addon
 * @param {Awaited<ReturnType<typeof tryAddon>>} problem
 */
function checkAddon(addon, problem) {
  if (!addon) {
    const refused = cacheProblem()
    if (refused) return bad('addon', refused.message, refused.fix)
    return bad('addon', 'not built yet for this version of the package', SETUP)
  }
  if (problem) return bad('addon', `${problem.message} (${addon.file})`, problem.fix)
  const built = addon.meta
    ? `, built for libtorch ${addon.meta.libtorch.version} with ${addon.meta.compiler}`
    : ''
  return good('addon', `${addon.file} loads${built}`)
}

async function main() {
  const findings = await doctor()
  for (const { name, ok, detail, fix } of findings) {
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${detail}${fix && `\n     to mend it: ${fix}`}`)
  }
  if (findings.some(({ ok }) => !ok)) process.exitCode = 1
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main()
