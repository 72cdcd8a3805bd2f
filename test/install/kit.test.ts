import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { layOut } from '../../scripts/cuda/kit-contents.js'
import { runStage } from '../../scripts/cuda/stage.js'
import { packageRoot } from '../../scripts/install/cache.js'
import { locateAddon } from '../../scripts/install/locate.js'
import {
  cleanEnvironment,
  fakePython,
  pathWith,
  put,
  runProgram,
  sharedLibtorch,
  temporaryFolder,
  toyPackage,
} from './helpers.js'

const MINUTE = 60_000

/** What puts a program where there is no network. */
const UNSHARE = '/usr/bin/unshare'
const NO_NETWORK = spawnSync(UNSHARE, ['-rn', 'true']).status === 0 ? [UNSHARE, '-rn'] : []
if (NO_NETWORK.length === 0)
  console.warn('unshare -rn is not allowed here: the kit is tried with the network there')

/** Whether a process goes on; one that nobody has asked for its end does not. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid.trim()}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('what is packed', () => {
  const kit = mkdtempSync(join(tmpdir(), 'pfgm-kit-'))
  const root = join(kit, 'pfgm-torch')

  beforeAll(async () => {
    await runProgram(process.execPath, [join(packageRoot, 'bin/pfgm-torch.js'), '--version']) // builds dist/
    await layOut(kit, process.execPath)
  }, 2 * MINUTE)
  afterAll(() => rmSync(kit, { recursive: true, force: true }))

  /** Runs the kit's Node.js in its folder, with compilers and no Node.js on PATH, no network, and an empty cache. */
  async function run(args: string[], more: NodeJS.ProcessEnv = {}) {
    const PATH = await pathWith(join(temporaryFolder(), 'bin'), [
      'sh',
      'cmake',
      'g++',
      'as',
      'ld',
      'ninja',
      'make',
    ])
    const env = { PATH, HOME: temporaryFolder(), PFGM_LIBTORCH: sharedLibtorch.path, ...more }
    const [program, ...rest] = [...NO_NETWORK, join(kit, 'bin/node'), ...args]
    return runProgram(program!, rest, { cwd: root, env })
  }

  const built = { PFGM_ADDON: locateAddon()!.file }

  it('holds every module and file that its own files import', () => {
    const list = (folder: string) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
    const files = ['dist', 'bin', 'scripts/install', 'scripts/cuda', 'src', 'test/cuda', 'test/field']
      .flatMap(list)
      .concat('scripts/build.js', 'test/setup.ts', 'test/long.ts', 'vitest.config.ts')
      .filter((name) => /\.(js|ts)$/.test(name) && !name.endsWith('.d.ts'))
    const missing: string[] = []
    for (const name of files) {
      const text = readFileSync(join(root, name), 'utf8')
      for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles) {
        if (fileName.startsWith('node:')) continue
        const places = fileName.startsWith('.')
          ? [fileName, fileName.replace(/\.js$/, '.ts')].map((each) => join(dirname(name), each))
          : [join('node_modules', ...fileName.split('/').slice(0, fileName.startsWith('@') ? 2 : 1))]
        if (!places.some((place) => existsSync(join(root, place)))) missing.push(`${name}: ${fileName}`)
      }
    }
    expect(files.length).toBeGreaterThan(200)
    expect(missing).toEqual([])
  })

  it('has no compiler of TypeScript, no formatter and nothing for packing', () => {
    for (const name of ['typescript', '@biomejs', 'prebuildify', 'node-gyp'])
      expect(existsSync(join(root, 'node_modules', name)), name).toBe(false)
  })

  it('runs with no network and no npm: Node.js, the doctor, the library', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `${process.version}\n` })
    const doctor = await run(['scripts/install/doctor.js'], built)
    expect(doctor.stdout).not.toContain('FAIL')
    expect(doctor).toMatchObject({ code: 0, stderr: '' })
    const grid = join(temporaryFolder(), 'grid.png')
    const sample = ['bin/pfgm-torch.js', 'sample', 'digits', '--count', '1', '--out', grid]
    expect(await run(sample, built)).toMatchObject({ code: 0 })
    expect(existsSync(grid)).toBe(true)
  })

  it('tests and runs the kernels that the sanitizer looks at', { timeout: 2 * MINUTE }, async () => {
    const tests = await run(
      ['node_modules/vitest/vitest.mjs', 'run', 'test/cuda/perturbation.test.ts'],
      built,
    )
    expect(tests).toMatchObject({ code: 0, stdout: expect.stringMatching(/Tests .*1 passed/) })
    const small = await run(['scripts/cuda/small-run.js'], built)
    expect(small).toMatchObject({ code: 0, stdout: expect.stringContaining('field: 2358 numbers on cpu') })
  })

  it('builds an addon', { timeout: 2 * MINUTE }, async () => {
    const toy = toyPackage(temporaryFolder())
    rmSync(join(toy, 'node_modules'))
    symlinkSync(join(root, 'node_modules'), join(toy, 'node_modules'))
    const out = join(temporaryFolder(), 'out')
    const ended = await run([join(toy, 'scripts/install/build.js'), '--out', out])
    expect(ended).toMatchObject({ code: 0 })
    expect(existsSync(join(out, 'Release/pfgm_torch.node'))).toBe(true)
  })
})

it.runIf(process.env.PFGM_LONG)(
  'is under 60 MB with its Node.js (only by `npm run test:long`, as xz takes minutes)',
  { timeout: 20 * MINUTE },
  async () => {
    const out = temporaryFolder()
    const packed = await runProgram(process.execPath, [
      join(packageRoot, 'scripts/cuda/pack.js'),
      '--out',
      out,
    ])
    expect(packed).toMatchObject({ code: 0 })
    expect(statSync(join(out, 'kit.tar.xz')).size).toBeLessThan(60e6)
  },
)

describe('a stage', () => {
  it('ends with all that it started when its limit is over', async () => {
    const log = join(temporaryFolder(), 'log')
    const env = { PATH: process.env.PATH }
    const options = { cwd: tmpdir(), env, seconds: 1, log, onStart: () => {} }
    const outcome = await runStage('sh', ['-c', 'sleep 600 & echo $!; wait'], options)
    expect(outcome).toMatchObject({ state: 'timed out', rc: null })
    expect(outcome.seconds).toBeLessThan(10)
    await expect.poll(() => isRunning(outcome.tail)).toBe(false)
  })
})

describe('the run', () => {
  const RUN = join(packageRoot, 'scripts/cuda/run-kit.sh')

  interface Stage {
    name: string
    state: string
    rc: number | null
    tail: string
  }

  /** A kit of nothing but its scripts, whose Node.js is a link to this one. */
  function smallKit(): string {
    const [folder, parts] = [temporaryFolder(), temporaryFolder()]
    for (const name of ['package.json', 'CMakeLists.txt', 'scripts'])
      cpSync(join(packageRoot, name), join(parts, 'pfgm-torch', name), { recursive: true })
    mkdirSync(join(parts, 'bin'))
    symlinkSync(process.execPath, join(parts, 'bin/node'))
    expect(spawnSync('tar', ['-cJf', join(folder, 'kit.tar.xz'), '-C', parts, '.']).status).toBe(0)
    copyFileSync(RUN, join(folder, 'run-kit.sh'))
    return folder
  }

  function start(kit: string, PATH: string): ChildProcess {
    const child = spawn('sh', [join(kit, 'run-kit.sh')], { env: cleanEnvironment({ PATH, OUT: '' }) })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }

  const ended = (child: ChildProcess) => new Promise<number | null>((done) => child.on('close', done))

  const stagesOf = (kit: string): Stage[] =>
    JSON.parse(readFileSync(join(kit, 'out/kit.json'), 'utf8')).stages

  it('names what a machine lacks, stage by stage, and goes on with what does not need it', async () => {
    const kit = smallKit()
    const bare = await pathWith(join(temporaryFolder(), 'bin'), [
      'sh',
      'tar',
      'xz',
      'date',
      'mkdir',
      'rm',
      'timeout',
      'dirname',
    ])
    const PATH = fakePython(temporaryFolder(), 'echo "[\\"/opt/bin/python3\\", \\"3.12.3\\", null]"').split(
      delimiter,
    )[0]
    expect(await ended(start(kit, `${PATH}${delimiter}${bare}`))).toBe(1)
    const stages = stagesOf(kit)
    expect(stages.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'unpack passed',
      'machine passed',
      'build skipped',
      'doctor failed',
      'gpu skipped',
      'test skipped',
      'bench skipped',
      'memcheck skipped',
      'racecheck skipped',
    ])
    expect(stages[2]!.tail).toBe('/opt/bin/python3 has no torch')
    expect(stages[3]!.tail).toContain('FAIL compiler')
    expect(stages[5]!.tail).toBe('gpu has not passed')
    const { machine } = JSON.parse(readFileSync(join(kit, 'out/kit.json'), 'utf8'))
    expect(machine).toMatchObject({ gpu: null, missing: { gpu: 'nvidia-smi is not on PATH' } })
  })

  it('leaves its JSON when it is ended, and ends what it runs', async () => {
    const kit = smallKit()
    const mark = join(temporaryFolder(), 'pid')
    const child = start(kit, fakePython(temporaryFolder(), `echo $$ >${mark}; exec sleep 600`))
    const end = ended(child)
    while (!existsSync(mark) || !readFileSync(mark, 'utf8')) await sleep(50)
    expect(stagesOf(kit).at(-1)).toMatchObject({ name: 'machine', state: 'running' })
    child.kill('SIGTERM')
    expect(await end).toBe(1)
    expect(stagesOf(kit).at(-1)).toMatchObject({ name: 'machine', state: 'killed' })
    await expect.poll(() => isRunning(readFileSync(mark, 'utf8'))).toBe(false)
  })

  it('leaves its JSON when the archive is damaged', async () => {
    const kit = temporaryFolder()
    put(join(kit, 'kit.tar.xz'), 'not "xz"')
    copyFileSync(RUN, join(kit, 'run-kit.sh'))
    expect(await ended(start(kit, process.env.PATH!))).toBe(1)
    expect(stagesOf(kit)).toMatchObject([
      { name: 'unpack', state: 'failed', tail: expect.stringContaining('the kit does not unpack') },
    ])
  })
})
