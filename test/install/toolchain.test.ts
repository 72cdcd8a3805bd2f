import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { compileJobs } from '../../scripts/install/build.js'
import { currentFile, packageRoot, sourceHash } from '../../scripts/install/cache.js'
import { currentEntry, locateAddon } from '../../scripts/install/locate.js'
import { findToolchain } from '../../scripts/install/toolchain.js'
import {
  cleanEnvironment,
  linkedLibtorch,
  pathWith,
  put,
  runProgram,
  runScript,
  sharedLibtorch,
  temporaryFolder,
  toyPackage,
} from './helpers.js'

const SETUP = 'scripts/install/setup.js'

afterEach(() => void vi.unstubAllEnvs())

function setup(root: string, env: NodeJS.ProcessEnv) {
  const PFGM_LIBTORCH = sharedLibtorch.path
  return runScript(
    root,
    SETUP,
    [],
    cleanEnvironment({ PFGM_CACHE: temporaryFolder(), PFGM_LIBTORCH, ...env }),
  )
}

/** A shell script that is called as a compiler. */
function compiler(name: string, script: string, folder = temporaryFolder()): string {
  put(join(folder, name), `#!/bin/sh\n${script}\n`, 0o755)
  return join(folder, name)
}

/** Says that it is Clang, to CMake too, and is g++. */
const CLANG = `case "$*" in
  *--version*) echo 'clang version 14.0.6';;
  *CompilerId*) exec g++ -D__clang__ -D__clang_major__=14 -D__clang_minor__=0 -D__clang_patchlevel__=6 "$@";;
  *) exec g++ "$@";;
esac`

async function compilerFor(cxx: string) {
  vi.stubEnv('CXX', cxx)
  return (await findToolchain()).compiler
}

describe('CXX', () => {
  it('may name a launcher and a compiler, also one without OpenMP, which is said', {
    timeout: 120_000,
  }, async () => {
    const folder = temporaryFolder()
    const launcher = compiler('ccache', `echo "$*" >> ${folder}/launched; exec "$@"`)
    const CXX = `${launcher} ${compiler('clang++', CLANG)}`
    const PFGM_LIBTORCH = linkedLibtorch(join(folder, 'a libtorch'), '2.12.3')
    const { code, stdout } = await setup(toyPackage(join(folder, 'a package')), {
      CXX,
      PFGM_LIBTORCH,
      PFGM_CACHE: join(folder, 'a cache'),
    })
    expect(stdout).toContain(`with ${CXX} 14.0.6 (without OpenMP: the addon's own loops run on one thread`)
    expect(code).toBe(0)
    expect(readFileSync(join(folder, 'launched'), 'utf8')).toMatch(/clang\+\+ .*addon\.cpp/)
    const file = / and is at (.*)\.\n$/.exec(stdout)?.[1] ?? ''
    expect(createRequire(import.meta.url)(file).chunks()).toBe(1)
  })

  it('may have spaces in its path', async () => {
    const command = compiler('g++', 'exec g++ "$@"', join(temporaryFolder(), 'my compilers'))
    expect(await compilerFor(command)).toMatchObject({ ok: true, command, launcher: [] })
  })

  it('takes no flags, and says where they belong', async () => {
    expect(await compilerFor('g++ -m64')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('CXXFLAGS'),
    })
  })

  it('that does not run is named', async () => {
    expect(await compilerFor('ccache-of-nobody g++')).toEqual({
      ok: false,
      detail: 'CXX names ccache-of-nobody g++, which does not run',
    })
  })
})

describe('a path that cannot be built in', () => {
  it('is named with what mends it', async () => {
    const odd = (letter: string) => join(temporaryFolder(), `a${letter}b`)
    const [cache, libtorch] = [odd(';'), linkedLibtorch(odd(','), '2.12.3')]
    const root = toyPackage(temporaryFolder())
    expect((await setup(root, { PFGM_CACHE: cache })).stdout).toMatch(
      /with a ; in the path .*\. To mend it: set PFGM_CACHE to a folder without one\.\n$/,
    )
    const PATH = await pathWith(join(temporaryFolder(), 'bin'), ['sh', 'cmake', 'g++', 'as', 'ld', 'make'])
    const bare = { PATH, PFGM_LIBTORCH: '', HTTPS_PROXY: 'http://not.asked.invalid' }
    expect((await setup(root, { ...bare, PFGM_CACHE: odd(',') })).stdout).toMatch(
      /To mend it: set PFGM_CACHE/,
    )
    expect((await setup(root, { PFGM_LIBTORCH: libtorch })).stdout).toMatch(
      /with a , in the path .*\. To mend it: have libtorch in a folder without one\.\n$/,
    )
    expect((await setup(toyPackage(odd(';')), {})).stdout).toMatch(
      /To mend it: install pfgm-torch in a folder/,
    )
  })
})

describe('a cache from which nothing can be loaded', () => {
  const namespace = ['--map-root-user', '--mount']

  it('is told by setup and doctor', async ({ skip }) => {
    const { code, stderr } = await runProgram('unshare', [...namespace, 'true'])
    if (code !== 0) skip(`unshare makes no namespaces here: ${stderr}`)
    const cache = join(temporaryFolder(), 'a cache')
    const addon = locateAddon()!
    const folder = dirname(addon.file)
    const filled = join(temporaryFolder(), 'filled')
    cpSync(folder, join(filled, 'addon', basename(folder)), { recursive: true })
    const current = basename(currentFile(sourceHash(), {}))
    put(join(filled, 'addon', current), JSON.stringify(currentEntry(folder)))
    mkdirSync(cache)
    const script = `mount -t tmpfs -o noexec tmpfs "$1" && cp -r "$2/." "$1" && cd "$3" || exit 9
      node scripts/install/doctor.js; node ${SETUP}`
    const args = [...namespace, 'sh', '-c', script, 'sh', cache, filled, packageRoot]
    const { stdout } = await runProgram('unshare', args, { env: cleanEnvironment({ PFGM_CACHE: cache }) })
    expect(stdout).toMatch(/^FAIL cache: .* no library can be loaded from .*\(noexec\)\n.* set PFGM_CACHE /m)
    expect(stdout).toMatch(/^FAIL addon: the system does not let .*\.node be run.*\n.* set PFGM_CACHE /m)
    expect(stdout).toMatch(/^pfgm-torch is not set up\. No library can be loaded .* set PFGM_CACHE .*$/m)
  })
})

describe('files compiled at once', () => {
  it('are as many as the container has cores and memory for', () => {
    const root = temporaryFolder()
    put(join(root, 'proc/self/cgroup'), '0::/\n')
    put(join(root, 'proc/self/mountinfo'), '30 23 0:26 / /group rw - cgroup2 cgroup2 rw\n')
    put(join(root, 'group/memory.current'), '0\n')
    put(join(root, 'group/memory.max'), `${2 * 2 ** 30}\n`)
    expect(compileJobs(root)).toBe(1)
    put(join(root, 'group/memory.max'), 'max\n')
    put(join(root, 'group/cpu.max'), '50000 100000\n')
    expect(compileJobs(root)).toBe(1)
    expect(compileJobs(temporaryFolder())).toBeLessThanOrEqual(availableParallelism())
  })
})
