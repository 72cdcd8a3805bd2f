import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { packageRoot, shortHash, temporaryName } from '../../scripts/install/cache.js'
import { withLock } from '../../scripts/install/lock.js'
import { cleanEnvironment, type Ended, put, runProgram, runScript } from './helpers.js'

const PACKED = [
  'src',
  'bin',
  'scripts',
  'native',
  'models',
  'data',
  'schema',
  'package.json',
  'CMakeLists.txt',
  'binding.gyp',
]

/** An empty project with this package installed in it from its tarball. */
export interface Project {
  folder: string
  /** the installed package */
  root: string
}

/** The project that `npm install` makes of both tarballs; packed and installed once, whichever test file asks first. */
export function installedProject(): Promise<Project> {
  return shared('installed', (folder, tarballs) => npmInstall(folder, tarballs))
}

/** The tarballs of the library and of its libtorch. */
export function packedTarballs(): Promise<string[]> {
  return withPacked((version) => pack(version))
}

/** The same without optional packages: without libtorch. */
export function bareProject(): Promise<Project> {
  return shared('bare', (folder, [library = '']) => npmInstall(folder, [library]))
}

async function shared(
  name: string,
  make: (folder: string, tarballs: string[]) => Promise<void>,
): Promise<Project> {
  const folder = await withPacked(async (version) => {
    const made = join(version, name)
    if (existsSync(made)) return made
    const temporary = temporaryName(made)
    await make(temporary, await pack(version))
    renameSync(temporary, made)
    return made
  })
  return { folder, root: join(folder, 'node_modules', 'pfgm-torch') }
}

/** Does something in the folder of this state of the sources, one process after the other. */
async function withPacked<T>(work: (version: string) => Promise<T>): Promise<T> {
  const home = join(tmpdir(), `pfgm-packed-${userInfo().uid}`)
  const version = join(home, shortHash(stateOfSources()))
  return withLock(`${home}.lock`, () => {
    removeOthers(home, version)
    return work(version)
  })
}

/** Names, sizes and times of everything that goes into the tarball. */
function stateOfSources(): string {
  const files = PACKED.flatMap((name) => {
    const path = join(packageRoot, name)
    if (!existsSync(path) || !statSync(path).isDirectory()) return [path]
    return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((each) => join(path, each))
  })
  const present = files.filter((file) => existsSync(file) && statSync(file).isFile()).sort()
  return [
    packageRoot,
    ...present.map((file) => `${file} ${statSync(file).size} ${statSync(file).mtimeMs}`),
  ].join('\n')
}

/** Projects of other states of the sources, unless tests may still be using them. */
function removeOthers(home: string, version: string): void {
  const aDayAgo = Date.now() - 24 * 3600 * 1000
  for (const name of existsSync(home) ? readdirSync(home) : []) {
    const path = join(home, name)
    if (path !== version && statSync(path).mtimeMs < aDayAgo) rmSync(path, { recursive: true, force: true })
  }
}

/** The library's tarball and that of its libtorch. */
async function pack(folder: string): Promise<string[]> {
  const find = () => readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  mkdirSync(folder, { recursive: true })
  if (find().length < 2) {
    // Other tests run what is compiled: it is not compiled anew under them.
    mustSucceed(await runScript(packageRoot, 'scripts/pack/pack.js', ['--quick'], cleanEnvironment()))
    const made = join(packageRoot, 'build', 'packages')
    for (const name of readdirSync(made)) {
      if (name.endsWith('.tgz')) renameSync(join(made, name), join(folder, name))
    }
  }
  return find()
    .sort((a, b) => Number(a.includes('libtorch')) - Number(b.includes('libtorch')))
    .map((name) => join(folder, name))
}

/** What npm said is in install.log. */
async function npmInstall(folder: string, tarballs: string[]): Promise<void> {
  put(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }))
  const args = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--foreground-scripts', ...tarballs]
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const ended = mustSucceed(await runProgram(npm, args, { cwd: folder, env: cleanEnvironment() }))
  writeFileSync(join(folder, 'install.log'), ended.stdout + ended.stderr)
}

function mustSucceed(ended: Ended): Ended {
  if (ended.code !== 0) throw new Error(`Ended with code ${ended.code}:\n${ended.stdout}\n${ended.stderr}`)
  return ended
}
