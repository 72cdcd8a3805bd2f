// Finds a libtorch that is already on this machine, and says why one is not usable.
import { existsSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readElf } from './elf.js'
import { readCuda, readVersion, versionFile } from './libtorch-version.js'
import { isSupported, MINIMUM_VERSION, pinnedFolder } from './release.js'
import { run } from './run.js'

/**
 * @typedef {object} Libtorch
 * @property {string} path folder that holds include/, lib/ and share/
 * @property {string} version
 * @property {string | null} cuda version of CUDA that it is built for; null for a CPU build
 */

/** @typedef {{ libtorch: Libtorch, reason?: undefined } | { libtorch?: undefined, reason: string }} Inspection */

/**
 * Looks at a folder that should be libtorch, or hold it as libtorch/ or torch/.
 * @param {string} given
 * @returns {Inspection}
 */
export function inspectLibtorch(given) {
  if (!existsSync(given)) return { reason: `${given} does not exist` }
  const folder = [given, join(given, 'libtorch'), join(given, 'torch')].find((each) =>
    existsSync(versionFile(each)),
  )
  if (!folder) return { reason: `${given} is not a libtorch folder: share/cmake/Torch is missing` }
  const version = readVersion(folder)
  if (!version) return { reason: `${versionFile(folder)} does not state a version` }
  if (!isSupported(version)) {
    return { reason: `${folder} is libtorch ${version}, and ${MINIMUM_VERSION} or newer is needed` }
  }
  const damage = findDamage(folder)
  if (damage) return { reason: `${folder} is not a whole libtorch: ${damage}` }
  return { libtorch: { path: realpathSync(folder), version, cuda: readCuda(folder) } }
}

/** @param {string} folder */
function findDamage(folder) {
  const headers = ['include/ATen/ATen.h', 'include/torch/csrc/api/include/torch/torch.h']
  for (const file of headers) {
    if (!existsSync(join(folder, file))) return `${file} is missing`
  }
  for (const file of libraryNames()) {
    const path = join(folder, 'lib', file)
    if (!existsSync(path)) return `lib/${file} is missing`
    if (process.platform !== 'linux') continue
    const elf = readElf(path)
    if (!elf?.complete) return `lib/${file} is cut short`
    if (elf.arch !== process.arch)
      return `it is for ${elf.arch} processors, and Node.js runs as ${process.arch}`
  }
  return undefined
}

/** Of a libtorch, those that the addon is linked with. */
export function libraryNames() {
  if (process.platform === 'win32') return ['torch_cpu.lib', 'c10.lib', 'torch_cpu.dll', 'c10.dll']
  const suffix = process.platform === 'darwin' ? 'dylib' : 'so'
  return [`libtorch_cpu.${suffix}`, `libc10.${suffix}`]
}

/**
 * The folder of the `torch` that the Python on PATH would import. Python is not made to import it: that takes
 * seconds, and a broken one would fail.
 * @returns {Promise<{ folder: string, python: string } | undefined>}
 */
export async function findPythonTorch() {
  const script = 'import importlib.util as u; s = u.find_spec("torch"); print((s and s.origin) or "")'
  for (const python of ['python3', 'python']) {
    const { code, stdout } = await run(python, ['-c', script], { timeout: 20_000 })
    const origin = stdout.trim()
    if (code === 0 && origin) return { folder: resolve(origin, '..'), python }
  }
  return undefined
}

/**
 * @typedef {object} Found
 * @property {Libtorch} [libtorch]
 * @property {string} [from] where it was found, in words
 * @property {string[]} refused places that hold a libtorch, and why it is not used
 */

/**
 * A libtorch that nobody named: Python's, then the cache's.
 * @returns {Promise<Found>}
 */
export async function findLibtorch() {
  /** @type {string[]} */
  const refused = []
  const python = await findPythonTorch()
  if (python) {
    const { libtorch, reason } = inspectLibtorch(python.folder)
    if (libtorch) return { libtorch, from: `the torch of ${python.python}`, refused }
    refused.push(reason)
  }
  if (existsSync(pinnedFolder())) {
    const { libtorch, reason } = inspectLibtorch(pinnedFolder())
    if (libtorch) return { libtorch, from: 'the cache', refused }
    refused.push(reason)
  }
  return { refused }
}

/** @param {string} path */
export function isArchive(path) {
  return /\.(zip|whl|tar\.gz|tgz)$/i.test(path) && existsSync(path) && statSync(path).isFile()
}
