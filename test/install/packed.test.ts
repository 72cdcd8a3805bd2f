import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import { newer, newestVersions } from '../../scripts/pack/pack.js'
import {
  cleanEnvironment,
  closedPort,
  fakePython,
  linkedLibtorch,
  pathWith,
  put,
  runProgram,
  runScript,
  sharedLibtorch,
  temporaryFolder,
} from './helpers.js'
import { bareProject, installedProject, type Project } from './packed.js'

// with libtorch and the addon there it takes seconds; without them, the download and the build
const PATIENCE = 600_000

let project: Project

beforeAll(async () => {
  project = await installedProject()
}, PATIENCE)

/** Runs JavaScript in the project. */
function run(code: string, type: 'module' | 'commonjs', env = cleanEnvironment(), { folder } = project) {
  return runProgram(process.execPath, [`--input-type=${type}`, '-e', code], { cwd: folder, env })
}

/** Loads the addon as the library does, and prints the error. */
function load(root: string): string {
  const url = JSON.stringify(pathToFileURL(join(root, 'dist/native/load.js')).href)
  return `try { (await import(${url})).loadAddon(); console.log('loaded') }
    catch (error) { console.log(error.name, error.code, error.message) }`
}

describe('the tarball', () => {
  it('holds what is needed to build and nothing of the tests', () => {
    for (const name of [
      'dist/index.js',
      'dist/page/playground.html',
      'dist/index.d.ts',
      'dist/commonjs/index.d.ts',
      'native',
      'scripts/install/setup.js',
      'CMakeLists.txt',
      `prebuilds/${process.platform}-${process.arch}/pfgm_torch.node`,
    ]) {
      expect(existsSync(join(project.root, name)), name).toBe(true)
    }
    for (const name of ['src', 'test', 'build', 'scripts/prepare.js', 'binding.gyp']) {
      expect(existsSync(join(project.root, name)), name).toBe(false)
    }
  })

  it('declares nothing by types that it does not hold', () => {
    const names = readdirSync(join(project.root, 'dist'), { recursive: true, encoding: 'utf8' })
    for (const name of names.filter((each) => each.endsWith('.d.ts'))) {
      expect(readFileSync(join(project.root, 'dist', name), 'utf8'), name).not.toContain('scripts/install')
    }
  })

  it('has no scripts to run, and npm warns of nothing', () => {
    const { scripts, gypfile } = JSON.parse(readFileSync(join(project.root, 'package.json'), 'utf8'))
    expect({ scripts, gypfile }).toEqual({ scripts: undefined, gypfile: false })
    expect(readFileSync(join(project.folder, 'install.log'), 'utf8')).toMatch(
      /^\s*added \d+ packages in .*\s*$/,
    )
  })

  it('names no place of the machine that it was built on', () => {
    const prebuilds = join(project.root, 'prebuilds', `${process.platform}-${process.arch}`)
    for (const name of readdirSync(prebuilds)) {
      const text = readFileSync(join(prebuilds, name), 'latin1')
      for (const place of [packageRoot, homedir()]) expect(text.includes(place), name).toBe(false)
    }
  })

  it('asks for no newer C and C++ libraries than before', () => {
    const file = join(project.root, 'prebuilds', `${process.platform}-${process.arch}`, 'pfgm_torch.node')
    // What a build with GCC 12 on Debian 12 asks for; the published one is built on an older system.
    const most = ['GLIBC_2.34', 'GLIBCXX_3.4.30', 'CXXABI_1.3.13']
    const found = newestVersions(file)
    expect(found.map((version, i) => newer(version, most[i]!))).toEqual(most)
  })

  it('brings an executable command', () => {
    const bin = join(project.root, 'bin/pfgm-torch.js')
    expect(statSync(bin).mode & 0o111).not.toBe(0)
    expect(existsSync(join(project.folder, 'node_modules/.bin/pfgm-torch'))).toBe(true)
  })
})

describe('the installed package', () => {
  it('is used from an ES module', async () => {
    const code = "import { PfgmError } from 'pfgm-torch'; console.log(new PfgmError('ERR_PFGM_IO', 'x').code)"
    expect(await run(code, 'module')).toMatchObject({ code: 0, stdout: 'ERR_PFGM_IO\n' })
  })

  it('is used with require', async () => {
    const code =
      "const { PfgmError } = require('pfgm-torch'); console.log(new PfgmError('ERR_PFGM_IO', 'x').code)"
    expect(await run(code, 'commonjs')).toMatchObject({ code: 0, stdout: 'ERR_PFGM_IO\n' })
  })

  it.each([
    ['module', { module: 'nodenext' }],
    ['module', { module: 'esnext', moduleResolution: 'bundler' }],
    ['commonjs', { module: 'node16' }],
    ['commonjs', { module: 'commonjs', moduleResolution: 'node10', esModuleInterop: true }],
  ])('type-checks strictly from type %s with %j', { timeout: 120_000 }, async (type, resolution) => {
    const folder = join(project.folder, `types-${resolution.module}`)
    put(join(folder, 'package.json'), JSON.stringify({ type }))
    put(
      join(folder, 'use.ts'),
      "import { PfgmError, type PfgmErrorCode } from 'pfgm-torch'\nexport const code: PfgmErrorCode = new PfgmError('ERR_PFGM_IO', 'x').code\n",
    )
    // no types of its own: what the package's types refer to comes with it
    const strict = { noEmit: true, strict: true, exactOptionalPropertyTypes: true, types: [] }
    const compilerOptions = { ...strict, target: 'es2022', lib: ['es2022'], ...resolution }
    put(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
    const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
    expect(await runProgram(process.execPath, [tsc, '-p', '.'], { cwd: folder })).toMatchObject({
      code: 0,
      stdout: '',
    })
  })

  it('samples at once, without a compiler, a network or a place to write', {
    timeout: PATIENCE,
  }, async () => {
    const list = () =>
      readdirSync(project.root, { recursive: true, encoding: 'utf8' })
        .sort()
        .map((name) => `${name} ${statSync(join(project.root, name)).mtimeMs}`)
    const before = list()
    const out = temporaryFolder()
    const home = temporaryFolder()
    const env = cleanEnvironment({
      HOME: home,
      PFGM_CACHE: join(home, 'file', 'cache'),
      HTTPS_PROXY: await closedPort(),
      PATH: await pathWith(join(temporaryFolder(), 'bin'), ['sh']),
    })
    put(join(home, 'file'), 'in the way of a folder')
    for (const name of ['', 'native', 'scripts/install']) chmodSync(join(project.root, name), 0o555)
    try {
      const cli = join(project.root, 'bin/pfgm-torch.js')
      const args = [cli, 'sample', 'digits', '--count', '4', '--solver', 'rk45', '--out', join(out, 'g.png')]
      const ended = await runProgram(process.execPath, args, { cwd: out, env })
      expect(ended).toMatchObject({ code: 0 })
      expect(ended.stderr).not.toMatch(/warn|setup|libtorch/i)
      expect(existsSync(join(out, 'g.png'))).toBe(true)
      expect(list()).toEqual(before)
    } finally {
      for (const name of ['', 'native', 'scripts/install']) chmodSync(join(project.root, name), 0o755)
    }
  })

  it('finds nothing wrong with itself', { timeout: PATIENCE }, async () => {
    const doctor = await runScript(project.root, 'scripts/install/doctor.js', [], cleanEnvironment())
    expect(doctor.stdout).not.toContain('FAIL')
    expect(doctor.code).toBe(0)
  })
})

describe('without the package of libtorch', () => {
  it('the library says which command to run', { timeout: PATIENCE }, async () => {
    const bare = await bareProject()
    const env = cleanEnvironment({ PFGM_CACHE: temporaryFolder() })
    const { code, stdout } = await run(load(bare.root), 'module', env, bare)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^PfgmError ERR_PFGM_NO_ADDON .*`npx pfgm-torch setup`/)
  })

  it('a libtorch of the same version serves, and nothing is compiled', { timeout: PATIENCE }, async () => {
    const bare = await bareProject()
    const env = cleanEnvironment({
      PFGM_CACHE: temporaryFolder(),
      PFGM_LIBTORCH: sharedLibtorch.path,
      PATH: await pathWith(join(temporaryFolder(), 'bin'), ['sh']),
    })
    expect(await run(load(bare.root), 'module', env, bare)).toMatchObject({ stdout: 'loaded\n' })
    const setup = await runScript(bare.root, 'scripts/install/setup.js', [], env)
    expect(setup).toMatchObject({ code: 0, stdout: expect.stringContaining('the prebuilt addon fits it') })
  })

  it("Python's of another version is not used with the package's addon: where none can be compiled, another is downloaded", {
    timeout: PATIENCE,
  }, async () => {
    const torch = linkedLibtorch(join(temporaryFolder(), 'torch'), '2.12.0')
    const folder = join(temporaryFolder(), 'bin')
    fakePython(folder, `case "$*" in *find_spec*) echo ${join(torch, '__init__.py')};; *) exit 1;; esac`)
    const env = cleanEnvironment({
      PFGM_CACHE: temporaryFolder(),
      PFGM_LIBTORCH_URL: `${await closedPort()}/libtorch.zip`,
      PATH: await pathWith(folder, ['sh', 'cmake']),
    })
    const why = `Not used: ${torch} is 2.12.0, and the addon that the package carries runs with libtorch 2.13.0`
    const bare = await runScript((await bareProject()).root, 'scripts/install/setup.js', [], env)
    expect(bare).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/libtorch\.zip could not be downloaded/),
    })
    expect(bare.stdout).toContain(`${why} (none is compiled for the former: a C++17 compiler is missing`)
    const named = { ...env, PFGM_LIBTORCH: torch }
    const told = await runScript((await bareProject()).root, 'scripts/install/setup.js', [], named)
    expect(told).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/2\.13\.0, and .*2\.12\.0\. For the latter: Missing: .*compiler/),
    })
    const whole = await runScript(project.root, 'scripts/install/setup.js', [], env)
    expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining('from @pfgm-torch/libtorch-') })
  })

  it('what unpacks a download is looked for before it', { timeout: PATIENCE }, async () => {
    const env = cleanEnvironment({
      PFGM_CACHE: temporaryFolder(),
      PFGM_LIBTORCH_URL: `${await closedPort()}/libtorch.zip`,
      PATH: await pathWith(join(temporaryFolder(), 'bin'), ['sh']),
    })
    const setup = await runScript((await bareProject()).root, 'scripts/install/setup.js', [], env)
    expect(setup).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/Missing: CMake.* npm install @pfgm-/),
    })
  })

  it('one that setup is told of is remembered', { timeout: PATIENCE }, async () => {
    const bare = await bareProject()
    const env = cleanEnvironment({ PFGM_CACHE: temporaryFolder() })
    const told = ['--libtorch', sharedLibtorch.path]
    expect(await runScript(bare.root, 'scripts/install/setup.js', told, env)).toMatchObject({ code: 0 })
    expect(await run(load(bare.root), 'module', env, bare)).toMatchObject({ stdout: 'loaded\n' })
  })
})

describe('the command', () => {
  it('tells an old Node.js so in one line', async () => {
    const old =
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.0" } })'
    const args = [
      '--import',
      `data:text/javascript,${encodeURIComponent(old)}`,
      join(project.root, 'bin/pfgm-torch.js'),
    ]
    expect(await runProgram(process.execPath, args)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'pfgm-torch needs Node.js 20.19 or newer, and this is 18.20.0.\n',
    })
  })
})
