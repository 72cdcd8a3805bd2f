// What the figures were measured on and with.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { info, setThreads } from '../../dist/index.js'

/** @param {import('./peer.js').Peer | undefined} peer made to use as many threads as the library */
export async function describeMachine(peer) {
  const threads = await setThreads()
  const { libtorch, instructions, fieldKernel } = info()
  return {
    cpu: cpuModel(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    threads,
    instructions,
    fieldKernel,
    libtorch,
    node: process.versions.node,
    pytorch: (await peer?.request('versions', { threads }))?.torch ?? null,
    loadBefore: loadavg()[0],
  }
}

/** The CPU's name, with the family and model that tell generations of one name apart where the system has them. */
function cpuModel() {
  const name = cpus()[0]?.model.trim() ?? 'unknown'
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8')
    const [family, model] = [/^cpu family\s*: (\d+)/m, /^model\s*: (\d+)/m].map(
      (field) => field.exec(text)?.[1],
    )
    return family ? `${name} (family ${family}, model ${model})` : name
  } catch {
    return name
  }
}
