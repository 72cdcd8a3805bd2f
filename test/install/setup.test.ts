import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import {
  cleanEnvironment,
  closedPort,
  linkedLibtorch,
  pathWith,
  runProgram,
  runScript,
  serve,
  sharedLibtorch,
  temporaryFolder,
  toyPackage,
} from './helpers.js'

const SETUP = 'scripts/install/setup.js'
const MINUTE = 60_000

/** Every file below a folder with its time, to see that nothing was written. */
function snapshot(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return names.map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`)
}

/** Without libtorch on the machine: an empty cache, and a PATH whose Python has no torch. */
async function bareEnvironment(programs: string[] = []): Promise<NodeJS.ProcessEnv> {
  const path = await pathWith(join(temporaryFolder(), 'bin'), [
    'sh',
    'cmake',
    'g++',
    'as',
    'ld',
    'make',
    'ninja',
    ...programs,
  ])
  return cleanEnvironment({ PFGM_CACHE: temporaryFolder(), PATH: path, HTTPS_PROXY: await closedPort() })
}

/** What the first command does: prints the addon's file, or the error. */
async function ensureAddon(root: string, env: NodeJS.ProcessEnv): Promise<string> {
  const url = JSON.stringify(pathToFileURL(join(root, SETUP)).href)
  const code = `const { ensureAddon } = await import(${url})
    try { console.log((await ensureAddon()).file) } catch (error) { console.log(error.code, error.message) }`
  return (await runProgram(process.execPath, ['--input-type=module', '-e', code], { env })).stdout
}

describe('setup', () => {
  it('builds into the cache and writes nothing into the package', { timeout: MINUTE }, async () => {
    const root = toyPackage(join(temporaryFolder(), 'node_modules', 'pfgm-torch'))
    chmodSync(root, 0o555)
    const before = snapshot(root)
    const libtorch = linkedLibtorch(temporaryFolder(), '2.12.3')
    const env = cleanEnvironment({ PFGM_CACHE: temporaryFolder(), PFGM_LIBTORCH: libtorch })

    const both = await Promise.all([runScript(root, SETUP, [], env), runScript(root, SETUP, [], env)])
    const built = both.find(({ stdout }) => stdout.includes('was built in'))
    const waited = both.find((each) => each !== built)
    expect(built?.stderr).toMatch(/Configuring the build\n.*Compiling the addon.*\n.*Loading the addon once/s)
    expect(built?.stdout).toMatch(/^pfgm-torch is ready\. libtorch 2\.12\.3 .* from PFGM_LIBTORCH .*\n$/)
    expect(waited?.stderr).toContain('Waiting for another build')
    expect(snapshot(root)).toEqual(before)

    const file = / and is at (.*)\.\n$/.exec(built?.stdout ?? '')?.[1] ?? ''
    expect(createRequire(import.meta.url)(file).chunks()).toBeGreaterThan(0)
    expect(JSON.parse(readFileSync(join(dirname(file), 'pfgm_torch.json'), 'utf8'))).toMatchObject({
      libtorch: { path: libtorch, version: '2.12.3', cuda: null },
      platform: process.platform,
      arch: process.arch,
    })
    expect(existsSync(join(env.PFGM_CACHE ?? '', 'cmake', dirname(file).slice(-12)))).toBe(false)

    const again = await runScript(root, SETUP, [], env)
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('its addon was built before') })
    chmodSync(root, 0o755)

    const ensure = (each: NodeJS.ProcessEnv) => ensureAddon(root, { ...each, PATH: '' })
    expect(await ensure(env)).toBe(`${file}\n`) // at once: nothing is started, nothing looked for
    expect(await ensure({ ...env, PFGM_CACHE: temporaryFolder() })).toMatch(
      /^ERR_PFGM_SETUP pfgm-torch is not set up\. Missing/,
    )

    const other = { ...env, PFGM_LIBTORCH: linkedLibtorch(temporaryFolder(), '2.12.4') }
    expect((await runScript(root, SETUP, [], other)).stdout).toContain('libtorch 2.12.4')
    const locate = pathToFileURL(join(root, 'scripts/install/locate.js')).href
    const code = `console.log((await import(${JSON.stringify(locate)})).locateAddon().meta.libtorch.version)`
    const current = (each: NodeJS.ProcessEnv) =>
      runProgram(process.execPath, ['--input-type=module', '-e', code], { env: each })
    expect((await current(env)).stdout).toBe('2.12.3\n') // both stay usable, side by side
    expect((await current(other)).stdout).toBe('2.12.4\n')
  })

  it('says which tools are missing and how to get them, before any download', async () => {
    const root = toyPackage(temporaryFolder())
    const env = {
      ...(await bareEnvironment()),
      PATH: await pathWith(join(temporaryFolder(), 'bin'), ['sh', 'cmake', 'make']),
    }
    const { code, stdout } = await runScript(root, SETUP, [], env)
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^pfgm-torch is not set up\. Missing: a C\+\+17 compiler is missing\. To mend it: \S.*\n$/,
    )
  })

  it('tells both reasons where neither the vendor nor pip can be reached', async () => {
    const { code, stdout } = await runScript(
      toyPackage(temporaryFolder()),
      SETUP,
      [],
      await bareEnvironment(),
    )
    expect(code).toBe(1)
    expect(stdout).toMatch(/could not be downloaded: .*refused.*No Python with pip is on PATH/)
  })

  it('shows the first error of the compiler and keeps the whole log', { timeout: MINUTE }, async () => {
    const root = toyPackage(temporaryFolder(), 'int wrong = "text";\n')
    const { path } = sharedLibtorch
    const env = cleanEnvironment({ PFGM_CACHE: temporaryFolder(), PFGM_LIBTORCH: path })
    const { code, stdout } = await runScript(root, SETUP, [], env)
    expect(code).toBe(1)
    const log =
      /could not be built: .*addon\.cpp:1:.*error: .*\(whole log: (.*)\)\.\n$/.exec(stdout)?.[1] ?? ''
    expect(readFileSync(log, 'utf8')).toContain('int wrong = "text"')
  })

  it('that is killed while it downloads leaves nothing half done', { timeout: MINUTE }, async () => {
    const env = cleanEnvironment({ PFGM_CACHE: temporaryFolder(), PATH: (await bareEnvironment()).PATH })
    let child: ChildProcess | undefined
    const url = await serve((_request, response) => {
      response.write('the start', () => child?.kill('SIGKILL'))
    })
    const root = toyPackage(temporaryFolder())
    child = spawn(process.execPath, [join(root, SETUP)], {
      env: { ...env, PFGM_LIBTORCH_URL: `${url}/a.zip` },
    })
    await new Promise((done) => child?.on('exit', done))
    expect(existsSync(join(env.PFGM_CACHE ?? '', 'libtorch', '2.13.0-cpu'))).toBe(false)
    const next = { ...env, PFGM_LIBTORCH_URL: `${await closedPort()}/a.zip` }
    const { stdout } = await runScript(root, SETUP, [], next)
    expect(stdout).toMatch('the connection was refused') // the dead process's lock is not waited for
  })
})

describe('node-gyp', () => {
  it('builds by the same way, and the result serves as a prebuilt addon', { timeout: MINUTE }, async () => {
    const root = toyPackage(temporaryFolder())
    const there = linkedLibtorch(temporaryFolder(), sharedLibtorch.version)
    const asPrebuildify = { PREBUILD_PLATFORM: process.platform, PREBUILD_ARCH: process.arch }
    const env = cleanEnvironment({ PFGM_CACHE: temporaryFolder(), PFGM_LIBTORCH: there, ...asPrebuildify })
    mkdirSync(join(root, 'prebuilds', `${process.platform}-${process.arch}`), { recursive: true })
    const headers = join(dirname(process.execPath), '..')
    const local = existsSync(join(headers, 'include/node/node.h')) ? [`--nodedir=${headers}`] : []
    const gyp = join(packageRoot, 'node_modules/node-gyp/bin/node-gyp.js')
    const ended = await runProgram(process.execPath, [gyp, 'rebuild', ...local], { cwd: root, env })
    expect(ended.code, ended.stderr).toBe(0)
    const addon = join(root, 'build/Release/pfgm_torch.node')
    const prebuilds = join(root, 'prebuilds', `${process.platform}-${process.arch}`)
    renameSync(addon, join(prebuilds, 'pfgm_torch.node'))
    rmSync(join(root, 'build'), { recursive: true })
    rmSync(there, { recursive: true })
    const elsewhere = linkedLibtorch(temporaryFolder(), sharedLibtorch.version)
    const bare = { ...(await bareEnvironment()), PFGM_LIBTORCH: elsewhere }
    const setup = await runScript(root, SETUP, [], {
      ...bare,
      PATH: await pathWith(join(temporaryFolder(), 'bin'), ['sh']),
    })
    expect(setup).toMatchObject({ code: 0, stdout: expect.stringContaining('the prebuilt addon fits it') })
  })
})
