import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { startProgram } from '../cli/cli.js'

const counted = (() => {
  try {
    return /^\d+ \d+/.test(readFileSync('/proc/self/schedstat', 'utf8'))
  } catch {
    return false
  }
})()
if (!counted)
  console.log(
    'Beside busy neighbours: skipped, as this kernel does not count how long threads wait for a core',
  )

/** Whether a process may be put before the other tests' processes, and so be alone among them. */
const first = spawnSync('nice', ['-n', '-20', 'nice'], { encoding: 'utf8' }).stdout?.trim() === '-20'
if (!first)
  console.log('Alone again after busy neighbours: skipped, as no process may be put before others here')

/** Prints whenever the process's threads begin to sleep or to spin while they wait for each other. */
const WORK = `
  import { readdirSync, readFileSync } from 'node:fs'
  import { energyDistance, Tensor } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url))}
  const points = await Tensor.full([3000, 2], 0, 'float32')
  const parked = () => readdirSync('/proc/self/task').some((id) => {
    try {
      return readFileSync(\`/proc/self/task/\${id}/comm\`, 'utf8') === 'pfgm-parked\\n'
    } catch {
      return false // it has just ended
    }
  })
  for (let before; ; ) {
    await energyDistance(points, points)
    const now = parked()
    if (now !== before) console.log(now ? 'sleep' : 'spin')
    before = now
  }`

it.skipIf(!counted)(
  'threads sleep while they wait for each other as long as other processes want the cores',
  async () => {
    const nice = ['-n', '-19', process.execPath, '--input-type=module', '-e', WORK]
    const worker = startProgram('.', 'nice', nice)
    const neighbours = Array.from({ length: availableParallelism() }, () =>
      spawn('nice', ['-n', '-20', process.execPath, '-e', 'for (;;);']),
    )
    try {
      await expect(worker.line(/sleep\n/)).resolves.toBeUndefined()
      for (const neighbour of neighbours) neighbour.kill()
      if (first) await expect(worker.line(/sleep\nspin\n/)).resolves.toBeUndefined()
    } finally {
      for (const program of [worker.process, ...neighbours]) program.kill('SIGKILL')
    }
  },
)
