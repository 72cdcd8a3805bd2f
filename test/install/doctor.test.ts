import { copyFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { doctor } from '../../scripts/install/doctor.js'
import { cudaFix, explainLoadFailure } from '../../scripts/install/explain.js'
import { type AddonMeta, addonProblem } from '../../scripts/install/locate.js'
import { gpuAnswers, isMusl } from '../../scripts/install/machine.js'
import { PREBUILDS } from '../../scripts/install/prebuild.js'
import { installCommand, unsupportedCpu } from '../../scripts/install/toolchain.js'
import { loadAddon } from '../../src/native/load.js'
import {
  addonWithCuda,
  fakeLibtorch,
  pathWith,
  put,
  runProgram,
  setVersion,
  sharedLibtorch,
  temporaryFolder,
} from './helpers.js'

vi.mock('../../scripts/install/machine.js', async (original) => {
  const machine = await original<typeof import('../../scripts/install/machine.js')>()
  return { ...machine, gpuAnswers: vi.fn(machine.gpuAnswers) }
})

const linux = process.platform === 'linux'

afterEach(() => void vi.unstubAllEnvs())

async function finding(name: string): Promise<{ ok: boolean; detail: string; fix: string } | undefined> {
  return (await doctor()).find((each) => each.name === name)
}

/** A shared library made of a few lines, under the name of the addon. */
async function compileAddon(source: string, flags: string[] = []): Promise<string> {
  const folder = temporaryFolder()
  put(join(folder, 'addon.c'), source)
  const file = join(folder, 'pfgm_torch.node')
  const args = ['-shared', '-fPIC', ...flags, '-o', file, join(folder, 'addon.c')]
  const { code, stderr } = await runProgram('g++', args)
  if (code !== 0) throw new Error(stderr)
  return file
}

async function meta(more: Partial<AddonMeta> = {}): Promise<AddonMeta> {
  return {
    packageVersion: '0.0.0',
    sourceHash: '0',
    libtorch: { path: fakeLibtorch(temporaryFolder()), version: '2.13.0', cuda: null },
    compiler: 'none',
    platform: process.platform,
    arch: process.arch,
    cpuFlagsNeeded: [],
    ...more,
  }
}

/** What the library throws and what doctor finds for the addon that PFGM_ADDON names. */
async function failure(file: string): Promise<{ thrown: unknown; found: string }> {
  vi.stubEnv('PFGM_ADDON', file)
  const found = await finding('addon')
  expect(found?.ok).toBe(false)
  expect(found?.fix).not.toBe('')
  try {
    loadAddon()
  } catch (thrown) {
    return { thrown, found: found?.detail ?? '' }
  }
  throw new Error('it loaded')
}

function loadError(message: string): unknown {
  return expect.objectContaining({ code: 'ERR_PFGM_ADDON_LOAD', message: expect.stringContaining(message) })
}

describe('no libtorch', () => {
  it('is told with the command that gets it', async () => {
    vi.stubEnv('PATH', await pathWith(join(temporaryFolder(), 'bin'), ['sh']))
    vi.stubEnv('PFGM_CACHE', temporaryFolder())
    vi.stubEnv('PFGM_LIBTORCH', undefined)
    expect(await finding('libtorch')).toMatchObject({
      ok: false,
      detail: 'no libtorch is on this machine',
      fix: expect.stringContaining('npx pfgm-torch setup'),
    })
    expect(await finding('addon')).toMatchObject({ ok: false, fix: 'npx pfgm-torch setup' })
  })

  it('at the place where the addon had it is told', async () => {
    const file = await compileAddon('')
    const libtorch = { path: join(temporaryFolder(), 'gone'), version: '2.13.0', cuda: null }
    put(file.replace('.node', '.json'), JSON.stringify(await meta({ libtorch })))
    const { thrown, found } = await failure(file)
    expect(thrown).toEqual(loadError(`is no longer at ${libtorch.path}`))
    expect(found).toContain('is no longer at')
  })
})

describe('another libtorch', () => {
  it('is told by its version', async () => {
    const file = await compileAddon('')
    const built = await meta()
    put(file.replace('.node', '.json'), JSON.stringify(built))
    setVersion(built.libtorch.path, '2.14.0')
    const { thrown, found } = await failure(file)
    expect(thrown).toEqual(loadError('built for libtorch 2.13.0, and'))
    expect(found).toContain('now holds 2.14.0')
  })

  it.runIf(linux)('is told by a symbol that it lacks', async () => {
    const file = await compileAddon(
      'extern "C" void _ZN2at6no_oneEv(); extern "C" void f() { _ZN2at6no_oneEv(); }',
      ['-Wl,-z,now'],
    )
    const { thrown, found } = await failure(file)
    expect(thrown).toEqual(loadError('built for another libtorch'))
    expect(found).toContain('_ZN2at6no_oneEv is not in this one')
  })
})

describe.runIf(linux && process.arch === 'x64')('missing instructions', () => {
  const cpuinfo = (): string => {
    const file = join(temporaryFolder(), 'cpuinfo')
    put(file, 'processor\t: 0\nmodel name\t: an old one\nflags\t\t: fpu sse2 avx\n')
    return file
  }

  it('are told before the addon is loaded', async () => {
    const file = await compileAddon('')
    const needed = await meta({ cpuFlagsNeeded: ['avx2', 'fma'] })
    const problem = addonProblem({ file, origin: 'env', meta: needed }, cpuinfo())
    expect(problem).toMatchObject({ cause: 'cpu', message: expect.stringContaining('avx2, fma') })
    expect(unsupportedCpu(cpuinfo())?.detail).toContain('avx2, fma')
  })

  it('are told from another crash', async () => {
    vi.stubEnv(
      'PFGM_ADDON',
      await compileAddon('__attribute__((constructor)) void f() { __builtin_trap(); }'),
    )
    expect(await finding('addon')).toMatchObject({ ok: false, detail: expect.stringContaining('SIGILL') })
    vi.stubEnv(
      'PFGM_ADDON',
      await compileAddon('#include <stdlib.h>\n__attribute__((constructor)) void f() { abort(); }'),
    )
    expect(await finding('addon')).toMatchObject({
      ok: false,
      detail: expect.stringContaining('crashed the process (SIGABRT)'),
    })
  })
})

describe.runIf(linux)('musl', () => {
  it('is seen in the loader that Node.js asks for', async () => {
    const folder = temporaryFolder()
    put(join(folder, 'main.c'), 'int main() { return 0; }')
    const file = join(folder, 'node')
    await runProgram('g++', [
      join(folder, 'main.c'),
      '-o',
      file,
      '-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1',
    ])
    expect(isMusl(file)).toBe(true)
    expect(isMusl(process.execPath)).toBe(false)
  })

  it('is told from what its loader says', async () => {
    const file = await compileAddon('')
    const said = 'Error relocating /x/libc10.so: __sprintf_chk: symbol not found'
    expect(explainLoadFailure({ file, origin: 'cache' }, said)).toMatchObject({
      cause: 'musl',
      fix: expect.stringContaining('glibc'),
    })
  })
})

describe.runIf(linux)('a GPU that answers', () => {
  const NOT_A_LIBRARY = fileURLToPath(import.meta.url)
  const REINSTALL = expect.stringContaining('install this libtorch anew')

  async function gpu(cudaLibrary: string) {
    vi.mocked(gpuAnswers).mockReturnValue(true)
    onTestFinished(() => void vi.mocked(gpuAnswers).mockReset())
    vi.stubEnv('PFGM_ADDON', addonWithCuda(cudaLibrary))
    expect(await finding('addon')).toMatchObject({ ok: true })
    return finding('GPU')
  }

  it('is of no use where the CUDA library does not load: the loader says why', async () => {
    expect(await gpu(NOT_A_LIBRARY)).toEqual({
      name: 'GPU',
      ok: false,
      detail: expect.stringMatching(/CUDA library does not load: .*libtorch_cuda\.so: invalid ELF header$/),
      fix: REINSTALL,
    })
  })

  it('is of no use where the CUDA library crashes', async () => {
    const crashing = '#include <stdlib.h>\n__attribute__((constructor)) void f() { abort(); }'
    expect(await gpu(await compileAddon(crashing))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('it ended the process (SIGABRT)'),
      fix: REINSTALL,
    })
  })

  it('is of no use where the CUDA library loads and finds none', async () => {
    expect(await gpu(join(sharedLibtorch.path, 'lib/libc10.so'))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('finds no GPU'),
      fix: expect.stringContaining('driver'),
    })
  })

  it('needs its driver', () => {
    const said = 'libcuda.so.1: cannot open shared object file: No such file or directory'
    expect(cudaFix(said)).toContain('install the NVIDIA driver')
  })
})

describe('no compiler', () => {
  it('is told with the command that installs one', async () => {
    const path = await pathWith(join(temporaryFolder(), 'bin'), ['sh', 'cmake', 'make'])
    vi.stubEnv('PATH', path)
    vi.stubEnv('PFGM_CACHE', temporaryFolder())
    const expected = { ok: false, detail: 'a C++17 compiler is missing', fix: installCommand() }
    expect(await finding('compiler')).toMatchObject(expected)
    expect(await finding('CMake')).toMatchObject({ ok: true })
  })

  it('that knows C++17 is told from none, and an old CMake', async () => {
    const bin = await pathWith(join(temporaryFolder(), 'bin'), ['sh'])
    const old =
      'case "$1" in --version) echo "g++ 5.4.0";; *) echo "error: unrecognized option -std=c++17" >&2; exit 1;; esac'
    put(join(bin, 'g++'), `#!/bin/sh\n${old}\n`, 0o755)
    put(join(bin, 'cmake'), '#!/bin/sh\necho "cmake version 3.10.2"\n', 0o755)
    vi.stubEnv('PATH', bin)
    vi.stubEnv('PFGM_CACHE', temporaryFolder())
    expect((await finding('compiler'))?.detail).toMatch(
      'g++ 5.4.0 does not compile C++17: error: unrecognized',
    )
    expect((await finding('CMake'))?.detail).toBe('CMake 3.10.2 is too old, 3.18 is needed')
    expect((await finding('build tool'))?.detail).toBe('make (or ninja) is missing')
  })
})

describe('an addon', () => {
  it('that is not built is a typed error that names the command', () => {
    vi.stubEnv('PFGM_CACHE', temporaryFolder())
    vi.stubEnv('PFGM_ADDON', undefined)
    vi.stubEnv('PFGM_LIBTORCH', temporaryFolder())
    expect(() => loadAddon()).toThrow(
      expect.objectContaining({
        name: 'PfgmError',
        code: 'ERR_PFGM_NO_ADDON',
        message: expect.stringContaining('`npx pfgm-torch setup`'),
      }),
    )
  })

  it('that PFGM_ADDON names and that is not there is told so', () => {
    vi.stubEnv('PFGM_ADDON', '/nowhere/pfgm_torch.node')
    expect(() => loadAddon()).toThrow(expect.objectContaining({ code: 'ERR_PFGM_NO_ADDON' }))
    expect(() => loadAddon()).toThrow(
      /PFGM_ADDON names \/nowhere\/pfgm_torch.node, which does not exist.*or unset it/,
    )
  })

  it.runIf(linux)('that is cut short, or for another machine, is told so', async () => {
    const file = join(temporaryFolder(), 'pfgm_torch.node')
    copyFileSync(await compileAddon('int f() { return 1; }'), file)
    truncateSync(file, 5000)
    expect((await failure(file)).thrown).toEqual(loadError('is damaged'))
    put(file.replace('.node', '.json'), JSON.stringify(await meta({ arch: 'riscv64' })))
    expect((await failure(file)).thrown).toEqual(loadError(`is for linux-riscv64, and Node.js runs as`))
  })

  it.each([
    [
      "/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /x/pfgm_torch.node)",
      'glibc',
      'GLIBCXX_3.4.32',
    ],
    [
      'libtorch_cpu.so: cannot open shared object file: No such file or directory',
      'no-libtorch',
      'libtorch_cpu.so',
    ],
    ['something else', 'unknown', 'something else'],
  ])('that the loader refuses with %s is explained', async (said, cause, names) => {
    const explained = explainLoadFailure({ file: await compileAddon(''), origin: 'cache' }, said)
    expect(explained).toMatchObject({ cause, message: expect.stringContaining(names) })
  })

  it.each([
    ['/c/pfgm_torch.node', 'set PFGM_CACHE to a folder elsewhere'],
    [join(PREBUILDS, 'pfgm_open.node'), 'install pfgm-torch in a folder on another file system'],
  ])('on a file system with noexec is told with what mends it, as %s', async (file, fix) => {
    const said = `${file}: failed to map segment from shared object`
    const explained = explainLoadFailure({ file: await compileAddon(''), origin: 'prebuild' }, said)
    expect(explained).toMatchObject({ cause: 'noexec', fix: expect.stringContaining(fix) })
  })
})
