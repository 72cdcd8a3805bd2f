import { type ChildProcess, execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { packageRoot } from '../../scripts/install/cache.js'
import type { Libtorch } from '../../scripts/install/libtorch.js'
import { ADDON_NAME, locateAddon, META_NAME } from '../../scripts/install/locate.js'
import { resolveLibtorch } from '../../scripts/install/resolve.js'

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Serves on a free port until the test ends. */
export async function serve(listener: RequestListener, prepare?: (server: Server) => void): Promise<string> {
  const server = createServer(listener)
  prepare?.(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A port where nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** An address where nobody listens. */
export async function closedPort(): Promise<string> {
  return `http://127.0.0.1:${await freePort()}`
}

/** Waits for a server that was started. */
export async function untilAnswers(url: string, server: ChildProcess): Promise<void> {
  const end = performance.now() + 60_000
  while (performance.now() < end) {
    if (server.exitCode !== null) throw new Error(`The server for ${url} ended with code ${server.exitCode}`)
    const there = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (there) return
    await new Promise((done) => setTimeout(done, 200))
  }
  throw new Error(`Nobody answers at ${url}`)
}

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Runs a program to its end, whatever its exit code. */
export async function runProgram(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number } = {},
): Promise<Ended> {
  try {
    return { code: 0, ...(await promisify(execFile)(command, args, { maxBuffer: 2 ** 26, ...options })) }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    return { code: code ?? -1, stdout, stderr }
  }
}

/** Runs a script of an installed or copied package. */
export function runScript(
  root: string,
  script: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<Ended> {
  return runProgram(process.execPath, [join(root, script), ...args], { env, cwd: root })
}

/** The libtorch of the user who runs the tests, downloaded where there is none. Found before a test changes where. */
export const sharedLibtorch: Libtorch = await getLibtorch()

async function getLibtorch(): Promise<Libtorch> {
  const { libtorch } = await resolveLibtorch({ download: true, onProgress: () => {} })
  return libtorch
}

/** This process's environment, without what would lead setup elsewhere. */
export function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const env = { ...process.env, ...more }
  for (const name of ['PFGM_LIBTORCH', 'PFGM_ADDON', 'PFGM_LIBTORCH_URL']) {
    if (!(name in more)) delete env[name]
  }
  return env
}

const VERSION_FILE = 'share/cmake/Torch/TorchConfigVersion.cmake'

/** A libtorch in form only: real, small libraries under the names that are looked for. */
export function fakeLibtorch(folder: string, version = '2.13.0'): string {
  for (const file of ['include/ATen/ATen.h', 'include/torch/csrc/api/include/torch/torch.h'])
    put(join(folder, file), '')
  put(join(folder, VERSION_FILE), `set(PACKAGE_VERSION "${version}")\n`)
  mkdirSync(join(folder, 'lib'))
  for (const name of ['libc10.so', 'libtorch_cpu.so'])
    cpSync(join(sharedLibtorch.path, 'lib/libc10.so'), join(folder, 'lib', name))
  return folder
}

/** The addon of this package, said to be built for a CUDA libtorch whose CUDA library is the file given. */
export function addonWithCuda(cudaLibrary: string): string {
  const { file, meta } = locateAddon()!
  const libtorch = { path: fakeLibtorch(temporaryFolder()), version: '2.13.0', cuda: '12.6' }
  cpSync(cudaLibrary, join(libtorch.path, 'lib/libtorch_cuda.so'))
  const folder = temporaryFolder()
  symlinkSync(file, join(folder, ADDON_NAME))
  put(join(folder, META_NAME), JSON.stringify({ ...meta, libtorch }))
  return join(folder, ADDON_NAME)
}

/** A libtorch that works, at another place and under a version of its own. */
export function linkedLibtorch(folder: string, version: string): string {
  put(join(folder, VERSION_FILE), `set(PACKAGE_VERSION "${version}")\n`)
  for (const name of ['lib', 'include']) symlinkSync(join(sharedLibtorch.path, name), join(folder, name))
  return folder
}

export function setVersion(libtorch: string, version: string): void {
  put(join(libtorch, VERSION_FILE), `set(PACKAGE_VERSION "${version}")\n`)
}

export function put(file: string, text: string, mode?: number): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text, mode === undefined ? {} : { mode })
}

/** A folder for PATH that holds only the programs named, and a shell's. */
export async function pathWith(folder: string, programs: string[]): Promise<string> {
  mkdirSync(folder, { recursive: true })
  for (const name of programs) {
    const { stdout } = await runProgram('sh', ['-c', `command -v ${name}`])
    if (stdout.trim() && !existsSync(join(folder, name))) symlinkSync(stdout.trim(), join(folder, name))
  }
  return folder
}

/** A python3 that does as the shell script says, first on PATH. */
export function fakePython(folder: string, script: string): string {
  put(join(folder, 'python3'), `#!/bin/sh\n${script}\n`, 0o755)
  return `${folder}${delimiter}${process.env.PATH}`
}

/** Packs a folder as the vendor does. */
export async function zip(folder: string, name: string, archive: string): Promise<string> {
  const { code, stderr } = await runProgram('cmake', ['-E', 'tar', 'cf', archive, '--format=zip', name], {
    cwd: folder,
  })
  if (code !== 0) throw new Error(stderr)
  return archive
}

const TOY_ADDON = `#include <node_api.h>
#include <ATen/Parallel.h>
static napi_value Chunks(napi_env env, napi_callback_info) {
  std::atomic<int> chunks{0};
  at::parallel_for(0, 1000, 1, [&](int64_t, int64_t) { chunks++; });
  napi_value result;
  napi_create_int32(env, chunks, &result);
  return result;
}
NAPI_MODULE_INIT() {
  napi_value chunks;
  napi_create_function(env, "chunks", NAPI_AUTO_LENGTH, Chunks, nullptr, &chunks);
  napi_set_named_property(env, exports, "chunks", chunks);
  return exports;
}
`

/** This package with an addon that compiles in seconds. */
export function toyPackage(folder: string, source = TOY_ADDON): string {
  for (const name of ['package.json', 'CMakeLists.txt', 'binding.gyp', 'scripts/install']) {
    cpSync(join(packageRoot, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(folder, 'node_modules'))
  cpSync(join(packageRoot, 'native/opener'), join(folder, 'native/opener'), { recursive: true })
  put(join(folder, 'native/addon.cpp'), source)
  return folder
}
