import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import {
  cleanEnvironment,
  linkedLibtorch,
  pathWith,
  put,
  runProgram,
  serve,
  temporaryFolder,
  toyPackage,
} from './helpers.js'
import { bareProject } from './packed.js'

const SETUP = 'scripts/install/setup.js'
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/** A compiler that works on files whose names match for a minute, and notes its processes. */
function slowCompiler(folder: string, match: string): { compiler: string; started: string } {
  const [compiler, started] = [join(folder, 'c++'), join(folder, 'started')]
  const work = `sleep 60 & echo "$$ $!" > ${started}.new; mv ${started}.new ${started}; wait`
  put(compiler, `#!/bin/sh\ncase "$*" in *${match}*) ${work};; *) exec g++ "$@";; esac\n`, 0o755)
  return { compiler, started }
}

interface Case {
  /** What is started, with Node.js. */
  args: string[]
  /** The file at which compiling stands still. */
  match: string
  /** In a process namespace of its own. */
  first?: boolean
}

/** Sends the signal while something is compiled, and tells what is left. */
async function interrupt(signal: keyof typeof CODES, { args, match, first = false }: Case) {
  const { compiler, started } = slowCompiler(temporaryFolder(), match)
  const cache = temporaryFolder()
  // Of another version than the prebuilt addon runs with: one is compiled.
  const libtorch = linkedLibtorch(temporaryFolder(), '2.99.0')
  const env = cleanEnvironment({ PFGM_CACHE: cache, PFGM_LIBTORCH: libtorch, CXX: compiler })
  const [command = '', ...rest] = [...(first ? NAMESPACE : []), process.execPath, ...args]
  const child = spawn(command, rest, { env, cwd: temporaryFolder(), stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const ended = new Promise<number | null>((done) => child.on('close', done))
  while (!existsSync(started) && child.exitCode === null) await delay(50)
  const since = performance.now()
  process.kill(first ? firstProcess(child) : (child.pid ?? 0), signal)
  const code = await ended
  const seconds = (performance.now() - since) / 1000
  const compilers = first ? [] : readFileSync(started, 'utf8').trim().split(' ').map(Number)
  return { code, seconds, said, left: leftIn(cache), running: compilers.filter(isRunning) }
}

const NAMESPACE = ['unshare', '--map-root-user', '--fork', '--pid', '--mount-proc', '--kill-child']

/** The process that sees itself as number 1. */
function firstProcess({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
}

function leftIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile() || entry.name.startsWith('.tmp')).map(({ name }) => name)
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

const toy = () => [join(toyPackage(temporaryFolder()), SETUP)]

async function expectEnd(signal: keyof typeof CODES, what: Case): Promise<void> {
  const { code, seconds, said, left, running } = await interrupt(signal, what)
  expect(said).toMatch(new RegExp(`stopped by ${signal}\n$`))
  expect({ code, left, running }).toEqual({ code: CODES[signal], left: [], running: [] })
  expect(seconds).toBeLessThan(2)
}

it('a setup ends with its compilers', async () => {
  await expectEnd('SIGHUP', { args: toy(), match: 'addon.cpp' })
})

it('a setup ends while CMake looks at the compiler', async () => {
  await expectEnd('SIGINT', { args: toy(), match: 'CompilerId' })
})

it('a setup ends while libtorch is downloaded', async () => {
  const cache = temporaryFolder()
  let child: ChildProcess | undefined
  const url = await serve((_request, response) => {
    response.write('the start', () => child?.kill('SIGTERM'))
  })
  const env = {
    PFGM_CACHE: cache,
    PFGM_LIBTORCH_URL: `${url}/a.zip`,
    PATH: await pathWith(join(temporaryFolder(), 'bin'), ['sh', 'cmake', 'g++', 'as', 'ld', 'make']),
  }
  child = spawn(process.execPath, toy(), { env: cleanEnvironment(env) })
  expect(await new Promise((done) => child?.on('close', done))).toBe(CODES.SIGTERM)
  expect(leftIn(cache)).toEqual([])
})

it('a setup ends that a command has begun', { timeout: 600_000 }, async () => {
  const { root } = await bareProject()
  const args = [join(root, 'bin/pfgm-torch.js'), 'train', 'two-moons', '--out', 'run']
  await expectEnd('SIGTERM', { args, match: 'cmake_pch' })
})

const namespaces = (await runProgram('unshare', [...NAMESPACE.slice(1), 'true'])).code === 0
const why = namespaces ? '' : ' (not run: unshare makes no namespaces here)'

it.runIf(namespaces)(`a setup ends that is process 1 of a container${why}`, async () => {
  await expectEnd('SIGINT', { args: toy(), match: 'addon.cpp', first: true })
})
