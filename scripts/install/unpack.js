// Unpacks an archive that holds libtorch, so that its folder appears whole or not at all.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { cacheRoot, publishFolder, temporaryName } from './cache.js'
import { withTemporaryFolder } from './ending.js'
import { SetupError } from './error.js'
import { inspectLibtorch } from './libtorch.js'
import { withLock } from './lock.js'
import { PLATFORM_PACKAGE } from './prebuild.js'
import { run } from './run.js'

/** @typedef {import('./setup.js').OnProgress} OnProgress */

const WHEEL_PARTS = ['torch/lib', 'torch/include', 'torch/share/cmake', 'torch/version.py']

/**
 * @param {string} archive a .zip, .whl or .tar.gz
 * @param {string} target folder to make
 * @param {OnProgress} onProgress
 */
export async function unpack(archive, target, onProgress) {
  const temporary = temporaryName(target)
  await withTemporaryFolder(temporary, async () => {
    await extract(archive, temporary, onProgress)
    const folder = findRoot(temporary)
    if (!folder) throw new SetupError(`${archive} does not hold a libtorch: no share/cmake/Torch in it.`)
    removeUnneeded(folder)
    const { reason } = inspectLibtorch(folder)
    if (reason)
      throw new SetupError(`${archive} does not serve: ${reason.replaceAll(folder, basename(folder))}.`)
    publishFolder(folder, target, (each) => inspectLibtorch(each).libtorch !== undefined)
  })
}

/** Said before a download, which would be for nothing. */
export async function needUnpacker() {
  const { error } = await run('cmake', ['--version'], { timeout: 20_000 })
  if (!error) return
  const fix = `npm install ${PLATFORM_PACKAGE}, or install CMake`
  throw new SetupError(`Missing: CMake, which unpacks libtorch. To mend it: ${fix}.`)
}

/**
 * A local archive, unpacked into the cache under a name that its content gives.
 * @param {string} archive
 * @param {OnProgress} onProgress
 * @returns {Promise<string>} the folder
 */
export async function unpackIntoCache(archive, onProgress) {
  const file = resolve(archive)
  onProgress({ phase: 'unpack', message: `Reading ${file}` })
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const target = join(cacheRoot(), 'libtorch', `archive-${hash.digest('hex').slice(0, 12)}`)
  return withLock(`${target}.lock`, async () => {
    if (!existsSync(target)) await unpack(file, target, onProgress)
    return target
  })
}

/**
 * @param {string} archive
 * @param {string} folder
 * @param {OnProgress} onProgress
 */
async function extract(archive, folder, onProgress) {
  const message = `Unpacking ${basename(archive)}`
  const parts = archive.endsWith('.whl') ? ['--', ...WHEEL_PARTS] : []
  let done = 0
  onProgress({ phase: 'unpack', message, done })
  const { code, output, error } = await run('cmake', ['-E', 'tar', 'xvf', resolve(archive), ...parts], {
    cwd: folder,
    onLine: () => {
      if (++done % 100 === 0) onProgress({ phase: 'unpack', message, done })
    },
  })
  if (error) throw new SetupError(`CMake could not be run to unpack ${archive}: ${error.message}.`)
  if (code !== 0) {
    const said = output.split('\n').filter((line) => /error/i.test(line))
    throw new SetupError(`${archive} could not be unpacked; is it whole? ${said.slice(0, 2).join(' ')}`)
  }
}

/** @param {string} folder */
function findRoot(folder) {
  const candidates = [folder, ...readdirSync(folder).map((name) => join(folder, name))]
  return candidates.find((each) => existsSync(join(each, 'share', 'cmake', 'Torch')))
}

/**
 * Python's half of libtorch and its tests' libraries, which nothing here loads.
 * @param {string} folder
 */
function removeUnneeded(folder) {
  const version = /__version__ = '([^']+)'/.exec(readIfThere(join(folder, 'version.py')))?.[1]
  if (version && !existsSync(join(folder, 'build-version'))) {
    writeFileSync(join(folder, 'build-version'), `${version}\n`)
  }
  for (const name of readdirSync(join(folder, 'lib'))) {
    if (
      /^(lib)?(torch_python|torchbind_test|jitbackend_test|backend_with_compiler|aoti_custom_ops)\b/.test(
        name,
      )
    ) {
      rmSync(join(folder, 'lib', name), { recursive: true })
    }
  }
}

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
