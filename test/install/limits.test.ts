import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, freemem, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { availableMemory, usableCores } from '../../scripts/install/limits.js'

const MB = 2 ** 20
const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

/** A file system with the files that are given. */
function machine(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'pfgm-limits-'))
  roots.push(root)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), `${text}\n`)
  }
  return root
}

const SECOND_VERSION = {
  'proc/self/cgroup': '0::/jobs.slice/mine',
  'proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate',
}
const group = (name: string, file: string) => join('sys/fs/cgroup', name, file)

describe('version 2', () => {
  it('the tightest quota around the process counts, and part of a core is one', () => {
    const root = machine({
      ...SECOND_VERSION,
      [group('jobs.slice', 'cpu.max')]: '50000 100000',
      [group('jobs.slice/mine', 'cpu.max')]: 'max 100000',
    })
    expect(usableCores(root)).toBe(1)
  })

  it('a quota above the machine gives all cores', () => {
    const root = machine({ ...SECOND_VERSION, [group('jobs.slice/mine', 'cpu.max')]: '9999900000 100000' })
    expect(usableCores(root)).toBe(availableParallelism())
  })

  it('memory is what the limit leaves, cached files not counted', () => {
    const root = machine({
      ...SECOND_VERSION,
      [group('jobs.slice', 'memory.max')]: 'max',
      [group('jobs.slice', 'memory.current')]: String(900 * MB),
      [group('jobs.slice/mine', 'memory.max')]: String(100 * MB),
      [group('jobs.slice/mine', 'memory.current')]: String(90 * MB),
      [group('jobs.slice/mine', 'memory.stat')]: `anon 1\ninactive_file ${30 * MB}\nactive_file 5`,
    })
    expect(availableMemory(root)).toBe(40 * MB)
  })

  it('a group that is over its limit has nothing left', () => {
    const root = machine({
      ...SECOND_VERSION,
      [group('jobs.slice/mine', 'memory.max')]: String(100 * MB),
      [group('jobs.slice/mine', 'memory.current')]: String(101 * MB),
    })
    expect(availableMemory(root)).toBe(0)
  })
})

describe('version 1', () => {
  // As Docker shows it: the container's group is what is mounted, under the host's name.
  const docker = {
    'proc/self/cgroup': '5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/',
    'proc/self/mountinfo': [
      '32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct',
      '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory',
    ].join('\n'),
  }

  it('a quota and a limit', () => {
    const root = machine({
      ...docker,
      [group('cpu,cpuacct', 'cpu.cfs_quota_us')]: '70000',
      [group('cpu,cpuacct', 'cpu.cfs_period_us')]: '100000',
      [group('memory', 'memory.limit_in_bytes')]: String(64 * MB),
      [group('memory', 'memory.usage_in_bytes')]: String(60 * MB),
      [group('memory', 'memory.stat')]: `inactive_file 1\ntotal_inactive_file ${2 * MB}`,
    })
    expect(usableCores(root)).toBe(1)
    expect(availableMemory(root)).toBe(6 * MB)
  })

  it('neither: -1, and a limit that no machine reaches', () => {
    const root = machine({
      ...docker,
      [group('cpu,cpuacct', 'cpu.cfs_quota_us')]: '-1',
      [group('cpu,cpuacct', 'cpu.cfs_period_us')]: '100000',
      [group('memory', 'memory.limit_in_bytes')]: '9223372036854771712',
      [group('memory', 'memory.usage_in_bytes')]: String(60 * MB),
    })
    expect(usableCores(root)).toBe(availableParallelism())
    expect(availableMemory(root)).toBeGreaterThan(0.5 * freemem())
  })
})

it('without control groups all of the machine is there', () => {
  expect(usableCores(machine({}))).toBe(availableParallelism())
  expect(availableMemory(machine({}))).toBeGreaterThan(0.5 * freemem())
})
