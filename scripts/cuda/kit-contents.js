// Lays out what the kit holds: Node.js, the sources with what is built of them, and the modules that they need.
import { copyFileSync, cpSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { packageRoot, packageVersion, writeJson } from '../install/cache.js'
import { run } from '../install/run.js'
import { neededModules } from './kit-modules.js'

/**
 * @param {string} folder to fill: bin/node, pfgm-torch/, kit.json
 * @param {string} node the binary that goes along
 */
export async function layOut(folder, node) {
  if (`${process.platform}-${process.arch}` !== 'linux-x64')
    throw new Error(
      'Expected to pack on linux-x64: what node_modules holds of native code is for this machine',
    )
  mkdirSync(join(folder, 'bin'), { recursive: true })
  copyFileSync(node, join(folder, 'bin', 'node'))
  const root = join(folder, 'pfgm-torch')
  for (const name of await sources()) copyTo(root, name)
  copyTo(root, 'dist')
  for (const name of neededModules(packageRoot)) copyModule(root, name)
  writeJson(join(folder, 'kit.json'), await describe())
}

/** Every file that git knows, as it is now, but for what is bundled in dist/ with modules that nothing else needs. */
async function sources() {
  const names = (await git(['ls-files', '-z'])).split('\0')
  const isBundled = (name) => name.startsWith('src/page/')
  return names.filter((name) => name && !isBundled(name) && existsSync(join(packageRoot, name)))
}

/** What no program reads in a module. */
const UNREAD = /\.(map|md|d\.[cm]?ts)$/

/** Modules in a module are packages of their own. */
function copyModule(root, name) {
  const nested = join(packageRoot, name, 'node_modules')
  copyTo(root, name, (source) => resolve(source) !== nested && !UNREAD.test(source))
}

/** With its time, by which builds know what is new. */
function copyTo(root, name, filter = () => true) {
  const from = join(packageRoot, name)
  mkdirSync(dirname(join(root, name)), { recursive: true })
  cpSync(from, join(root, name), { recursive: true, preserveTimestamps: true, filter })
}

async function describe() {
  const commit = (await git(['rev-parse', 'HEAD'])).trim()
  const changed = (await git(['status', '--porcelain', '--untracked-files=no'])).trim() !== ''
  return { version: packageVersion(), commit, changed, packed: new Date().toISOString() }
}

async function git(args) {
  const { code, stdout, output, error } = await run('git', args, { cwd: packageRoot })
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed: ${error?.message ?? output.trim()}`)
  return stdout
}
