// What this machine is: processor instructions, C library, GPU.
import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { readElf } from './elf.js'

/** Instructions that an addon built for this processor family uses without asking. */
export function cpuFlagsNeeded(arch = process.arch) {
  return arch === 'x64' ? ['avx2', 'fma'] : []
}

/**
 * Instructions out of `needed` that the processor lacks; none where that cannot be told.
 * @param {readonly string[]} needed
 * @param {string} [cpuinfo] file to read
 */
export function missingCpuFlags(needed, cpuinfo = '/proc/cpuinfo') {
  if (needed.length === 0 || process.platform !== 'linux') return []
  const flags = /^flags\s*:(.*)$/m.exec(readStart(cpuinfo))?.[1]?.trim().split(/\s+/)
  return flags ? needed.filter((flag) => !flags.includes(flag)) : []
}

/**
 * The start is enough of cpuinfo, as all processors are alike, and the whole is long on large machines.
 * @param {string} file
 */
function readStart(file, size = 16_384) {
  try {
    const handle = openSync(file, 'r')
    const buffer = Buffer.alloc(size)
    const length = readSync(handle, buffer)
    closeSync(handle)
    return buffer.toString('latin1', 0, length)
  } catch {
    return ''
  }
}

/** Whether Node.js runs on musl (Alpine Linux), for which no libtorch is published. */
export function isMusl(executable = process.execPath) {
  return process.platform === 'linux' && /ld-musl/.test(readElf(executable)?.interpreter ?? '')
}

/** Whether an NVIDIA driver is there with a GPU. Quick, as it starts nothing. */
export function gpuAnswers() {
  if (process.platform !== 'linux') return false
  if (existsSync('/dev/dxg') && existsSync('/usr/lib/wsl/lib/libcuda.so.1')) return true // Windows' Linux
  return existsSync('/dev/nvidiactl')
}

/**
 * Where the file system is mounted that a path is or will be on, if libraries on it cannot be loaded (`noexec`).
 * @param {string} path
 */
export function noexecMount(path) {
  const folder = realpathSync(existingFolder(path)) + sep
  const mounts = readStart('/proc/self/mountinfo', 2 ** 20)
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, , , , point = '', options = '']) => ({
      point: unescapeOctal(point),
      options: options.split(','),
    }))
    .filter(({ point }) => folder.startsWith(point.endsWith(sep) ? point : point + sep))
  const last = mounts.reduce((best, each) => (each.point.length >= best.point.length ? each : best), {
    point: '',
    options: /** @type {string[]} */ ([]),
  })
  return last.options.includes('noexec') ? last.point : undefined
}

/** @param {string} text */
function unescapeOctal(text) {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/**
 * A path that is there: the one given, or the nearest around it.
 * @param {string} path
 */
export function existingFolder(path) {
  let existing = path
  while (!existsSync(existing) && existing !== dirname(existing)) existing = dirname(existing)
  return existing
}

/** Names the Linux distribution as /etc/os-release does, such as `debian ubuntu`; empty elsewhere. */
export function distribution(file = '/etc/os-release') {
  try {
    const text = readFileSync(file, 'utf8')
    return [...text.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].map((match) => match[1]).join(' ')
  } catch {
    return ''
  }
}
