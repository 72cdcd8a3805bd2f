import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { packageRoot, shortHash, temporaryName } from '../../scripts/install/cache.js'
import { withLock } from '../../scripts/install/lock.js'
import { cleanEnvironment, type Ended, put, runProgram } from './helpers.js'

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

/** The project that `npm install <tarball>` makes; packed and installed once, whichever test file asks first. */
export function installedProject(): Promise<Project> {
  return shared('installed', async (folder, tarball) => void (await npmInstall(folder, tarball, [])))
}

/** The same with `--ignore-scripts`. */
export function scriptlessProject(): Promise<Project> {
  return shared(
    'scriptless',
    async (folder, tarball) => void (await npmInstall(folder, tarball, ['--ignore-scripts'])),
  )
}

async function shared(
  name: string,
  make: (folder: string, tarball: string) => Promise<void>,
): Promise<Project> {
  const home = join(tmpdir(), `pfgm-packed-${userInfo().uid}`)
  const version = join(home, shortHash(stateOfSources()))
  const folder = join(version, name)
  await withLock(`${home}.lock`, async () => {
    if (existsSync(folder)) return
    removeOthers(home, version)
    const tarball = await pack(version)
    const temporary = temporaryName(folder)
    await make(temporary, tarball)
    renameSync(temporary, folder)
  })
  return { folder, root: join(folder, 'node_modules', 'pfgm-torch') }
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

async function pack(folder: string): Promise<string> {
  const find = () => readdirSync(folder).find((name) => name.endsWith('.tgz'))
  mkdirSync(folder, { recursive: true })
  if (!find()) mustSucceed(await npm(['pack', '--pack-destination', folder], packageRoot))
  return join(folder, find() ?? '')
}

async function npmInstall(folder: string, tarball: string, args: string[]): Promise<void> {
  put(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }))
  const all = [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--foreground-scripts',
    ...args,
    tarball,
  ]
  const { stdout, stderr } = mustSucceed(await npm(all, folder))
  writeFileSync(join(folder, 'install.log'), stdout + stderr)
}

function npm(args: string[], cwd: string): Promise<Ended> {
  return runProgram(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd, env: cleanEnvironment() })
}

function mustSucceed(ended: Ended): Ended {
  if (ended.code !== 0)
    throw new Error(`npm ended with code ${ended.code}:\n${ended.stdout}\n${ended.stderr}`)
  return ended
}
