// What this process may use of the machine: its container's share (Linux control groups, version 1 and 2), where it has one.
import { readFileSync } from 'node:fs'
import { availableParallelism, freemem } from 'node:os'
import { join, relative } from 'node:path'

/** Cores that a quota of processor time leaves: as many as can be kept busy, at least one. */
export function usableCores(root = '/') {
  const quotas = [
    ...groupFolders(root, 'cpu', 2).map((folder) => {
      const [quota, period] = numbers(join(folder, 'cpu.max'))
      return (quota ?? Number.NaN) / (period ?? Number.NaN)
    }),
    ...groupFolders(root, 'cpu', 1).map((folder) => {
      const [quota = -1] = numbers(join(folder, 'cpu.cfs_quota_us'))
      const [period = Number.NaN] = numbers(join(folder, 'cpu.cfs_period_us'))
      return quota / period
    }),
  ].filter((quota) => quota > 0)
  return Math.max(1, Math.min(availableParallelism(), ...quotas.map(Math.ceil)))
}

/**
 * Bytes of memory that can still be had. `process.availableMemory` is not asked, as it counts the files that the kernel
 * only caches as taken: in a container that has read or written much, nothing would seem to be left.
 */
export function availableMemory(root = '/') {
  const left = [
    ...groupFolders(root, 'memory', 2).map((folder) =>
      memoryLeft(folder, 'memory.max', 'memory.current', 'inactive_file'),
    ),
    ...groupFolders(root, 'memory', 1).map((folder) =>
      memoryLeft(folder, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'),
    ),
  ].filter((bytes) => !Number.isNaN(bytes))
  return Math.max(0, Math.min(freemem(), ...left))
}

/**
 * @param {string} folder
 * @param {string} limitFile
 * @param {string} usageFile
 * @param {string} cached a line of memory.stat: file contents that are dropped where memory is wanted
 */
function memoryLeft(folder, limitFile, usageFile, cached) {
  const [limit = Number.NaN] = numbers(join(folder, limitFile))
  const [usage = Number.NaN] = numbers(join(folder, usageFile))
  const [, dropped = '0'] =
    new RegExp(`^${cached} (\\d+)$`, 'm').exec(read(join(folder, 'memory.stat'))) ?? []
  return limit - usage + Number(dropped)
}

/**
 * The folders of the process's own group and of those around it, as far as they are visible.
 * @param {string} root where the file system begins
 * @param {string} controller
 * @param {1 | 2} version
 */
function groupFolders(root, controller, version) {
  const own = /** @type {string[][]} */ (lines(root, 'proc/self/cgroup').map((line) => line.split(':'))).find(
    ([id, controllers = '']) => (version === 2 ? id === '0' : controllers.split(',').includes(controller)),
  )
  const mount = lines(root, 'proc/self/mountinfo')
    .map((line) => line.split(' '))
    .find((fields) => {
      const [type, , options = ''] = fields.slice(fields.indexOf('-') + 1)
      return version === 2 ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes(controller)
    })
  if (!own || !mount) return []
  const path = own.slice(2).join(':')
  const [, , , mountedGroup = '/', mountPoint = ''] = mount
  const below = relative(mountedGroup, path)
  // A container sees its own group mounted where the host's would be, but may be told the host's name for it.
  const names = below.startsWith('..') ? [] : below.split('/').filter((name) => name !== '')
  return Array.from({ length: names.length + 1 }, (_, depth) =>
    join(root, mountPoint, ...names.slice(0, depth)),
  )
}

/**
 * @param {string} root
 * @param {string} file
 */
function lines(root, file) {
  return read(join(root, file)).trim().split('\n')
}

/**
 * The numbers in a file; a word such as `max` is none.
 * @param {string} file
 */
function numbers(file) {
  const text = read(file).trim()
  return text === '' ? [] : text.split(/\s+/).map(Number)
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
