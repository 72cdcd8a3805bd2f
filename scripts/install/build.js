// The one way to build the addon: cmake-js says how, the result goes to the cache (or, with --out, to a folder).
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  addonFolder,
  cacheRoot,
  currentFile,
  isClone,
  packageRoot,
  packageVersion,
  publishFolder,
  readJson,
  removeOldAddons,
  sourceHash,
  temporaryName,
  writeJson,
} from './cache.js'
import { readNeeds } from './elf.js'
import { endedBySignals, withTemporaryFolder } from './ending.js'
import { messageOf, SetupError } from './error.js'
import { libraryNames } from './libtorch.js'
import { availableMemory, usableCores } from './limits.js'
import { ADDON_NAME, currentEntry, META_NAME, OPENER_NAME } from './locate.js'
import { withLock } from './lock.js'
import { cpuFlagsNeeded } from './machine.js'
import { PREBUILDS } from './prebuild.js'
import { resolveLibtorch } from './resolve.js'
import { run } from './run.js'
import { findToolchain, missingTools } from './toolchain.js'

/** @typedef {import('./setup.js').OnProgress} OnProgress */
/** @typedef {import('./libtorch.js').Libtorch} Libtorch */
/** @typedef {import('./locate.js').AddonMeta} AddonMeta */

/** Memory that compiling one file may take; fewer are compiled at once where there is less. */
const BYTES_PER_JOB = 1.5 * 2 ** 30

/**
 * @typedef {object} Build
 * @property {string} file the addon
 * @property {AddonMeta} meta
 * @property {number} seconds
 * @property {'built' | 'none'} action none where another process had just built it
 */

/**
 * @typedef {object} Order
 * @property {Libtorch} libtorch
 * @property {string | undefined} [out] folder to build in, instead of the cache
 * @property {boolean | undefined} [force] build even where the cache has the addon
 * @property {boolean | undefined} [cuda] with the kernels for GPUs; only together with `out`
 * @property {OnProgress} onProgress
 * @property {(line: string) => void} [onLine] hears everything that CMake and the compiler say
 */

/**
 * Builds the addon for a libtorch.
 * @param {Order} order
 * @returns {Promise<Build>}
 */
export async function buildAddon({ libtorch, out, force, cuda, onProgress, onLine }) {
  const tools = await needToolchain()
  const started = performance.now()
  const work = workFolder(libtorch, out)
  refusePaths(libtorch.path, work)
  const waiting = () => onProgress({ phase: 'configure', message: 'Waiting for another build' })
  return withLock(
    `${work}.lock`,
    async () => {
      const there = out || force ? undefined : findCachedAddon(libtorch)
      if (there) return { ...there, seconds: 0, action: 'none' }
      const build = async () => {
        const hash = await compile({ libtorch, work, tools, cuda, onProgress, onLine })
        const meta = describe(libtorch, hash, tools)
        return {
          meta,
          file: out ? publishTo(resolve(out, 'Release'), work, meta) : publishToCache(work, meta),
        }
      }
      // an installed package is built once
      const { file, meta } = await (isClone() || out ? build() : withTemporaryFolder(work, build))
      return { file, meta, seconds: (performance.now() - started) / 1000, action: 'built' }
    },
    waiting,
  )
}

/**
 * Letters that CMake takes for something else in a path: the end of one in a list, an escape. libtorch's path is also
 * handed to the linker, in a list with commas, and to the loader, in one with colons.
 * @param {string} libtorch
 * @param {string} work the folder that is built in
 */
export function refusePaths(libtorch, work) {
  const windows = process.platform === 'win32'
  const places = /** @type {const} */ ([
    [packageRoot, windows ? /;/ : /[;\\]/, 'install pfgm-torch in a folder'],
    [work, windows ? /;/ : /[;\\"]/, 'set PFGM_CACHE to a folder'],
    [
      libtorch,
      windows ? /;/ : /[;\\,:]/,
      libtorch.startsWith(cacheRoot()) ? 'set PFGM_CACHE to a folder' : 'have libtorch in a folder',
    ],
  ])
  for (const [path, letters, fix] of places) {
    const [letter] = letters.exec(path) ?? []
    if (!letter) continue
    const detail = `The addon cannot be built with a ${letter} in the path ${path}`
    throw new SetupError(`${detail}. To mend it: ${fix} without one.`)
  }
}

/** What the build needs, or an error that names what is missing and the command that mends it. */
export async function needToolchain() {
  const tools = await findToolchain()
  const missing = missingTools(tools)
  if (missing) throw new SetupError(`Missing: ${missing.detail}. To mend it: ${missing.fix}`)
  return tools
}

/**
 * The addon that an earlier build left in the cache for this libtorch; it becomes the current one.
 * @param {Libtorch} libtorch
 * @returns {{ file: string, meta: AddonMeta } | undefined}
 */
export function findCachedAddon(libtorch) {
  const hash = sourceHash()
  const folder = addonFolder(libtorch, hash)
  const [file, meta] = [join(folder, ADDON_NAME), readJson(join(folder, META_NAME))]
  if (!meta || !existsSync(file)) return undefined
  writeJson(currentFile(hash), currentEntry(folder))
  return { file, meta }
}

/**
 * CMake's folder. A clone keeps it, so that a change of one file compiles one file.
 * @param {Libtorch} libtorch
 * @param {string | undefined} out
 */
function workFolder(libtorch, out) {
  if (out) return resolve(out, 'cmake')
  if (isClone() && isWritable(packageRoot)) return join(packageRoot, 'build', 'cmake')
  return join(cacheRoot(), 'cmake', addonFolder(libtorch, sourceHash()).slice(-12))
}

/** @param {string} folder */
function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * @typedef {object} Job
 * @property {Libtorch} libtorch
 * @property {string} work
 * @property {import('./toolchain.js').Toolchain} tools
 * @property {boolean | undefined} cuda
 * @property {OnProgress} onProgress
 * @property {((line: string) => void) | undefined} onLine
 */

/**
 * @param {Job} job
 * @returns {Promise<string>} hash of the sources that were built
 */
async function compile(job) {
  for (let round = 1; ; round++) {
    const hash = sourceHash()
    await compileOnce(job)
    if (hash === sourceHash() || round === 3) return hash // else a source changed meanwhile: once more
  }
}

/** @param {Job} job */
async function compileOnce(job) {
  const { work, onProgress } = job
  // Loaded only now: on loading, one of its dependencies reads the process's own --config argument.
  // @ts-expect-error cmake-js has no types
  const { default: cmakeJs } = await import('cmake-js')
  const cmake = new cmakeJs.CMake(cmakeOptions(job))
  mkdirSync(work, { recursive: true })
  onProgress({ phase: 'configure', message: 'Configuring the build' })
  const configure = await cmake.getConfigureCommand()
  let { code, output } = await step(configure, job)
  if (
    code !== 0 &&
    /Does not match the generator|is different than the directory|is different from the dir/.test(output)
  ) {
    rmSync(work, { recursive: true, force: true }) // left by another generator or at another place
    mkdirSync(work, { recursive: true })
    ;({ code, output } = await step(configure, job))
  }
  if (code === 0) ({ code, output } = await step(await cmake.getBuildCommand(), job))
  if (code !== 0) throw buildError(output)
}

/** @param {Job} job */
function cmakeOptions({ work, libtorch, tools: { compiler }, cuda }) {
  const own = compiler.command && { cppCompilerPath: compiler.command, cCompilerPath: compiler.command }
  return {
    directory: packageRoot,
    out: work,
    config: 'Release',
    isNodeApi: true, // headers from node-api-headers: none are downloaded
    parallel: process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(compileJobs()),
    cMakeOptions: {
      PFGM_LIBTORCH: libtorch.path,
      PFGM_VERSION: packageVersion(),
      PFGM_PREBUILD: isPrebuild() ? 'ON' : 'OFF',
      ...(compiler.launcher?.length && { CMAKE_CXX_COMPILER_LAUNCHER: compiler.launcher.join(';') }),
      ...(cuda && { PFGM_CUDA: 'ON' }),
    },
    ...own,
  }
}

/**
 * How many files are compiled at once.
 * @param {string} [root] where the file system begins
 */
export function compileJobs(root) {
  return Math.max(1, Math.min(usableCores(root), Math.floor(availableMemory(root) / BYTES_PER_JOB)))
}

/**
 * @param {string[]} command
 * @param {Job} job
 */
async function step(command, { work, onProgress, onLine }) {
  const [program = '', ...args] = command
  const { code, output, error } = await run(program, args, {
    cwd: work,
    onLine: (line) => {
      onLine?.(line)
      const [, done, total] = /^\[\s*(\d+)(?:\/(\d+)|%)\]/.exec(line) ?? []
      if (done) {
        const count = { done: Number(done), total: Number(total ?? 100) }
        onProgress({ phase: 'compile', message: 'Compiling the addon', ...count })
      }
    },
  })
  return { code: error ? null : code, output: error ? error.message : output }
}

/** @param {string} output */
function buildError(output) {
  const log = join(cacheRoot(), 'build.log')
  mkdirSync(cacheRoot(), { recursive: true })
  writeFileSync(log, output)
  const errors = output
    .split('\n')
    .filter((line) => /\berror\b/i.test(line) && !/^ninja:|^FAILED|^make/.test(line))
  return new SetupError(
    `The addon could not be built: ${errors[0]?.trim() ?? 'see the log'} (whole log: ${log}).`,
  )
}

/**
 * @param {Libtorch} libtorch
 * @param {string} hash
 * @param {import('./toolchain.js').Toolchain} tools
 * @returns {AddonMeta}
 */
function describe(libtorch, hash, { compiler }) {
  return {
    packageVersion: packageVersion(),
    sourceHash: hash,
    libtorch,
    compiler: compiler.detail,
    platform: process.platform,
    arch: process.arch,
    cpuFlagsNeeded: cpuFlagsNeeded(),
    ...(isClone() && { clone: packageRoot }),
  }
}

/**
 * @param {string} work
 * @param {AddonMeta} meta
 */
function publishToCache(work, meta) {
  const folder = addonFolder(meta.libtorch, meta.sourceHash)
  const temporary = temporaryName(folder)
  publishTo(temporary, work, meta)
  publishFolder(temporary, folder, () => false)
  writeJson(currentFile(meta.sourceHash), currentEntry(folder))
  if (meta.clone) removeOldAddons(meta.clone, meta.sourceHash)
  return join(folder, ADDON_NAME)
}

/**
 * @param {string} folder
 * @param {string} work
 * @param {AddonMeta} meta
 */
function publishTo(folder, work, meta) {
  const file = publishFile(ADDON_NAME, folder, work)
  writeJson(join(folder, META_NAME), meta)
  return file
}

/**
 * @param {string} name
 * @param {string} folder
 * @param {string} work
 */
function publishFile(name, folder, work) {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, name)
  const temporary = temporaryName(file)
  const made = [join(work, 'Release', name), join(work, name)].find((each) => existsSync(each))
  if (!made)
    throw new SetupError(`The build ended well, and yet ${join(work, 'Release', name)} is not there.`)
  copyFileSync(made, temporary)
  renameSync(temporary, file) // a process may have the old one mapped: never write into it
  return file
}

/** prebuildify tells by its environment that it runs this build. */
const isPrebuild = () => process.env.PREBUILD_PLATFORM !== undefined

/**
 * Puts beside a prebuilt addon, which is all that prebuildify copies, what says which libtorch it runs with and opens it.
 * @param {Build} built
 */
function completePrebuild({ file, meta }) {
  const { path, version } = meta.libtorch
  const has = (/** @type {string} */ name) => existsSync(join(path, 'lib', name))
  const libraries = readNeeds(file)?.libraries.filter(has) ?? libraryNames()
  // Where it was built says nothing to those who install it.
  const libtorch = { path: '', version, cuda: null }
  // libtorch's own dependencies first: they are found then wherever they are.
  writeJson(join(PREBUILDS, META_NAME), {
    ...meta,
    clone: undefined,
    libtorch,
    libraries: libraries.toReversed(),
  })
  publishFile(OPENER_NAME, PREBUILDS, join(dirname(file), '..', 'cmake'))
}

async function main() {
  const { values } = parseArgs({ options: { out: { type: 'string' }, libtorch: { type: 'string' } } })
  const onProgress = progressLines()
  const { libtorch, from } = await resolveLibtorch({ libtorch: values.libtorch, download: true, onProgress })
  console.log(`libtorch ${libtorch.version} (${from}): ${libtorch.path}`)
  const built = await buildAddon({
    libtorch,
    out: values.out,
    onProgress: () => {},
    onLine: (line) => console.log(line),
  })
  if (isPrebuild()) completePrebuild(built)
  console.log(`${built.file} (${built.seconds.toFixed(1)} s)`)
}

function progressLines() {
  let last = ''
  /** @type {OnProgress} */
  return ({ message }) => {
    if (message !== last) console.log(message)
    last = message
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  endedBySignals(main).catch((error) => {
    console.error(messageOf(error))
    process.exitCode = 1
  })
}
