// Looks for what the build needs by running it: CMake, a C++17 compiler, make or ninja.
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withTemporaryFolder } from './ending.js'
import { cpuFlagsNeeded, distribution, isMusl, missingCpuFlags } from './machine.js'
import { run } from './run.js'

const MINIMUM_CMAKE = [3, 18]

export const CPU_FIX = 'use a processor with AVX2 and FMA (Intel from 2013, AMD from 2015)'

/**
 * @typedef {object} Tool
 * @property {boolean} ok
 * @property {string} detail what was found, or what is wrong
 * @property {string} [command]
 * @property {string[]} [launcher] what the command is started with, such as ccache; only of a compiler
 */

/** @typedef {{ cmake: Tool, compiler: Tool, make: Tool }} Toolchain */

/** @returns {Promise<Toolchain>} */
export async function findToolchain() {
  const [cmake, compiler, make] = await Promise.all([findCMake(), findCompiler(), findMake()])
  return { cmake, compiler, make }
}

/** @returns {Promise<Tool>} */
async function findCMake() {
  const { code, stdout } = await run('cmake', ['--version'])
  const version = /version (\d+)\.(\d+)\S*/.exec(stdout)
  if (code !== 0 || !version) return { ok: false, detail: 'CMake is missing' }
  const [wantedMajor = 0, wantedMinor = 0] = MINIMUM_CMAKE
  const [major, minor] = [Number(version[1]), Number(version[2])]
  const number = version[0].slice('version '.length)
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
    return { ok: false, detail: `CMake ${number} is too old, ${MINIMUM_CMAKE.join('.')} is needed` }
  }
  return { ok: true, detail: `CMake ${number}`, command: 'cmake' }
}

/**
 * The compiler that the build will use: CXX, else g++ (its OpenMP is libtorch's own), else clang++.
 * @returns {Promise<Tool>}
 */
async function findCompiler() {
  if (process.platform === 'win32') return { ok: true, detail: 'left to CMake to find (Visual Studio)' }
  const own = process.env.CXX?.trim()
  for (const words of own ? [wordsOf(own)] : [['g++'], ['clang++']]) {
    const { code, stdout } = await runWords([...words, '--version'])
    if (code !== 0) continue
    const number = /\d+\.\d+(\.\d+)?/.exec(stdout.split('\n')[0] ?? '')?.[0] ?? ''
    const detail = `${words.join(' ')} ${number}`.trim() + withoutOpenMp(stdout)
    const flag = words.find((word) => word.startsWith('-'))
    if (flag) {
      const wrong = `CXX holds the flag ${flag}: it should name a compiler alone; flags belong in CXXFLAGS`
      return { ok: false, detail: wrong }
    }
    const complaint = await tryCompiler(words)
    return complaint === undefined
      ? { ok: true, detail, command: words.at(-1) ?? '', launcher: words.slice(0, -1) }
      : { ok: false, detail: `${detail} ${complaint}` }
  }
  return { ok: false, detail: own ? `CXX names ${own}, which does not run` : 'a C++17 compiler is missing' }
}

/**
 * CXX may name a compiler, whose path may have spaces in it, or a launcher and a compiler (`ccache g++`).
 * @param {string} cxx
 */
function wordsOf(cxx) {
  return existsSync(cxx) ? [cxx] : cxx.split(/\s+/)
}

/**
 * CMakeLists.txt says why: its OpenMP would be a second one beside libtorch's.
 * @param {string} version what the compiler says of itself
 */
function withoutOpenMp(version) {
  if (process.platform !== 'linux' || !version.includes('clang')) return ''
  return " (without OpenMP: the addon's own loops run on one thread, which g++ spreads over all)"
}

/** @param {string[]} words a program and its arguments */
function runWords([program = '', ...args]) {
  return run(program, args)
}

/**
 * @param {string[]} compiler its command, word by word
 * @returns {Promise<string | undefined>} what is wrong with it
 */
async function tryCompiler(compiler) {
  const folder = mkdtempSync(join(tmpdir(), 'pfgm-cxx-'))
  return withTemporaryFolder(folder, async () => {
    const source = join(folder, 'try.cpp')
    writeFileSync(
      source,
      '#include <optional>\n#include <string_view>\nint f() { return *std::optional<int>(1); }\n',
    )
    const { code, output } = await runWords([
      ...compiler,
      '-std=c++17',
      '-c',
      source,
      '-o',
      join(folder, 'try.o'),
    ])
    const said = output.split('\n').find((line) => /error/.test(line)) ?? ''
    return code === 0 ? undefined : `does not compile C++17: ${said.trim()}`
  })
}

/** @returns {Promise<Tool>} */
async function findMake() {
  if (process.platform === 'win32') return { ok: true, detail: 'left to CMake to find' }
  for (const command of ['ninja', 'make']) {
    const { code, stdout } = await run(command, ['--version'])
    if (code === 0)
      return { ok: true, detail: `${command} ${/\d[\d.]*/.exec(stdout)?.[0] ?? ''}`.trim(), command }
  }
  return { ok: false, detail: 'make (or ninja) is missing' }
}

/**
 * @param {Toolchain} tools
 * @returns {{ detail: string, fix: string } | undefined} what is missing, and the command that mends it
 */
export function missingTools({ cmake, compiler, make }) {
  const missing = [compiler, cmake, make].filter((tool) => !tool.ok)
  if (missing.length === 0) return undefined
  return { detail: missing.map((tool) => tool.detail).join('; '), fix: installCommand() }
}

/** The command that installs the build tools here. */
export function installCommand(platform = process.platform, name = distribution()) {
  if (platform === 'darwin') return 'xcode-select --install && brew install cmake'
  if (platform === 'win32') {
    return 'winget install Kitware.CMake Microsoft.VisualStudio.2022.BuildTools (with "Desktop development with C++")'
  }
  if (/debian|ubuntu/.test(name)) return 'sudo apt-get install -y build-essential cmake'
  if (/fedora|rhel|centos/.test(name)) return 'sudo dnf install -y gcc-c++ make cmake'
  if (/arch/.test(name)) return 'sudo pacman -S --needed base-devel cmake'
  if (/suse/.test(name)) return 'sudo zypper install -y gcc-c++ make cmake'
  return 'install a C++17 compiler (g++ or clang++), make and CMake with the package manager of this system'
}

/** Why no libtorch can be had for this system at all; undefined where one can. */
export function unsupportedSystem(musl = isMusl()) {
  if (!musl) return undefined
  return {
    detail: 'this Node.js is built for musl (Alpine Linux), and libtorch is published for glibc only',
    fix: 'use a system with glibc, such as the container image node:22-bookworm',
  }
}

/**
 * Why the addon cannot run on this processor; undefined where it can.
 * @param {string} [cpuinfo] file to read
 */
export function unsupportedCpu(cpuinfo) {
  const missing = missingCpuFlags(cpuFlagsNeeded(), cpuinfo)
  if (missing.length === 0) return undefined
  return {
    detail: `this processor lacks instructions that the addon uses: ${missing.join(', ')}`,
    fix: CPU_FIX,
  }
}
