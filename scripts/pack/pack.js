// npm run pack:all: makes the packages that are published, of what is built here: pfgm-torch with the addon for this
// platform, and the libtorch that it runs with, in build/packages/. With --quick, for tests, TypeScript is not compiled first
// and libtorch is hardly compressed.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { packageRoot, packageVersion, readJson } from '../install/cache.js'
import { readNeeds } from '../install/elf.js'
import { versionFile } from '../install/libtorch-version.js'
import { ADDON_NAME, META_NAME, OPENER_NAME } from '../install/locate.js'
import { PLATFORM_PACKAGE, PREBUILDS } from '../install/prebuild.js'
import { resolveLibtorch } from '../install/resolve.js'
import { copy, must, pack, packLibrary } from './library.js'

const RELEASE = join(packageRoot, 'build', 'Release')
const OUT = join(packageRoot, 'build', 'packages')
const NODE_GYP = fileURLToPath(new URL('node-gyp.js', import.meta.url))
const LICENSES = fileURLToPath(new URL('libtorch-licenses.tar.gz', import.meta.url))

/** Builds the addon so that it runs beside any copy of its libtorch. */
async function prebuild(libtorch) {
  for (const folder of [PREBUILDS, RELEASE]) rmSync(folder, { recursive: true, force: true })
  const env = { ...process.env, PFGM_LIBTORCH: libtorch.path }
  const prebuildify = join(packageRoot, 'node_modules', 'prebuildify', 'bin.js')
  const name = basename(ADDON_NAME, '.node')
  await must(process.execPath, [prebuildify, '--strip', `--name=${name}`, `--node-gyp=${NODE_GYP}`], {
    cwd: packageRoot,
    env,
  })
  rmSync(RELEASE, { recursive: true })
  for (const file of [ADDON_NAME, OPENER_NAME, META_NAME]) {
    if (!existsSync(join(PREBUILDS, file))) throw new Error(`prebuildify made no ${join(PREBUILDS, file)}`)
  }
}

/** The libraries that the addon needs, as sharp's packages bring libvips. */
async function packLibtorch(libtorch, packed) {
  const { libraries } = readJson(join(PREBUILDS, META_NAME))
  const folder = join(OUT, basename(PLATFORM_PACKAGE))
  for (const name of libraries) copy(join(libtorch.path, 'lib', name), join(folder, 'lib', name))
  copy(versionFile(libtorch.path), versionFile(folder))
  const description = {
    name: PLATFORM_PACKAGE,
    version: libtorch.version,
    description: `libtorch ${libtorch.version} for the CPU, for pfgm-torch on ${process.platform}-${process.arch}`,
    license: 'BSD-3-Clause',
    os: [process.platform],
    cpu: [process.arch],
    ...(process.platform === 'linux' && { libc: ['glibc'] }),
    preferUnplugged: true,
    files: ['lib', 'share', 'licenses'],
    exports: { './package.json': './package.json' },
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(description, null, 2)}\n`)
  writeFileSync(
    join(folder, 'README.md'),
    `# ${PLATFORM_PACKAGE}\n\nThe libraries of [libtorch](https://pytorch.org) ${libtorch.version} that pfgm-torch needs. ` +
      'Their licences are in `licenses/`.\n',
  )
  await must('tar', ['-xzf', LICENSES, '-C', folder])
  return packed(folder, OUT)
}

/** The same in a third of the time, larger by an eighth. */
async function packLightly(folder) {
  const file = join(OUT, `pfgm-torch-${basename(folder)}.tgz`)
  const args = ['--use-compress-program=gzip -1', `--transform=s,^${basename(folder)},package,`, '-cf', file]
  await must('tar', [...args, '-C', OUT, basename(folder)])
  return file
}

/** Of two versions of a library's symbols, such as GLIBC_2.9 and GLIBC_2.34, the newer. */
export function newer(a, b) {
  const numbers = (text) => text.split(/[_.]/).slice(1).map(Number)
  const [x, y] = [numbers(a), numbers(b)]
  const i = x.findIndex((number, at) => number !== (y[at] ?? 0))
  return i >= 0 && x[i] > (y[i] ?? 0) ? a : b
}

/** The newest versions of the system's C and C++ libraries that the prebuilt addon asks for. */
export function newestVersions(file = join(PREBUILDS, ADDON_NAME)) {
  const versions = readNeeds(file)?.versions ?? []
  return ['GLIBC', 'GLIBCXX', 'CXXABI'].map((library) =>
    versions.filter((each) => each.startsWith(`${library}_`)).reduce(newer),
  )
}

async function main() {
  const { quick } = parseArgs({ options: { quick: { type: 'boolean' } } }).values
  const { libtorch } = await resolveLibtorch({ download: true, onProgress: () => {} })
  if (libtorch.cuda)
    throw new Error(`${libtorch.path} is a CUDA build: name one for the CPU with PFGM_LIBTORCH`)
  rmSync(OUT, { recursive: true, force: true })
  mkdirSync(OUT, { recursive: true })
  if (!quick) await must('npm', ['run', 'build'], { cwd: packageRoot })
  await prebuild(libtorch)
  console.log(`${join(PREBUILDS, ADDON_NAME)} asks for ${newestVersions().join(', ')}`)
  for (const made of [
    await packLibrary(packageRoot, OUT),
    await packLibtorch(libtorch, quick ? packLightly : pack),
  ])
    console.log(made)
  console.log(`version ${packageVersion()}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
