// What the figures were measured on and with.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { info, setThreads } from '../../dist/index.js'

/** @param {import('./peer.js').Peer | undefined} peer made to use as many threads as the library */
export async function describeMachine(peer) {
  const threads = await setThreads()
  const versions = await peer?.request('versions', { threads })
  const busyBefore = Number((await busyShare()).toFixed(2)) // now that the peer has started
  if (busyBefore > 0.1)
    console.warn(`The CPUs are ${Math.round(100 * busyBefore)} % busy: the figures will suffer`)
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
    pytorch: versions?.torch ?? null,
    busyBefore,
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

/** The share of all CPUs that is in use, over a second in which this program does nothing. */
async function busyShare() {
  const before = cpuTimes()
  await sleep(1000)
  const after = cpuTimes()
  return 1 - (after.idle - before.idle) / (after.all - before.all)
}

function cpuTimes() {
  let [idle, all] = [0, 0]
  for (const { times } of cpus()) {
    idle += times.idle
    for (const time of Object.values(times)) all += time
  }
  return { idle, all }
}
