import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { runs } from '../long.js'
import { cleanEnvironment, put, runProgram } from './helpers.js'
import { installedProject, type Project } from './packed.js'

const PATIENCE = 600_000

/** A worker that makes a call of about a second, says that it is under way, and says when it has ended. */
const WORKER = `
import { parentPort } from 'node:worker_threads'
import { fieldTarget, Network, Tensor } from 'pfgm-torch'
const rows = async (count) => Tensor.from(Float32Array.from({ length: count * 512 }, (_, i) => Math.sin(i)), [count, 512])
const z = await Tensor.from(new Float32Array(3000).fill(1), [3000])
await Network.create({ kind: 'mlp', dimensions: 2, width: 8, depth: 1 })
const call = fieldTarget(await rows(6000), await rows(3000), z)
setTimeout(() => parentPort.postMessage('under way'), 50)
const target = await call
parentPort.postMessage((await target.data())[0].toPrecision(5))
`

/** `message(worker)` is the next message, or the error or exit that comes instead. */
const HELPERS = `
import { Worker } from 'node:worker_threads'
const start = () => new Worker(new URL('./worker.mjs', import.meta.url))
const message = (worker) => new Promise((resolve, reject) => {
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', (code) => reject(new Error('ended with ' + code)))
})
const answer = async (worker) => { await message(worker); return message(worker) }
`

let project: Project

beforeAll(async () => {
  project = await installedProject()
  put(join(project.folder, 'worker.mjs'), WORKER)
}, PATIENCE)

function run(name: string, code: string) {
  put(join(project.folder, `${name}.mjs`), HELPERS + code)
  return runProgram(process.execPath, [`${name}.mjs`], { cwd: project.folder, env: cleanEnvironment() })
}

/** Whether the main thread has the addon loaded too makes a difference to when it would be unloaded. */
const MAIN = {
  'without it in the main thread': '',
  'with it in the main thread': "(await import('pfgm-torch')).info()\n",
}

it.each(Object.entries(MAIN))(
  'two workers at once get the same answer, %s',
  async (name, load) => {
    const ended = await run(
      `two-${name.length}`,
      `${load}console.log(new Set(await Promise.all([start(), start()].map(answer))).size)`,
    )
    expect(ended).toMatchObject({ code: 0, stdout: '1\n' })
  },
  60_000,
)

it.each(Object.entries(MAIN))(
  'a worker ended in mid-call takes nothing with it, %s',
  async (name, load) => {
    const code = `${load}
for (let i = 0; i < 2; i++) { const worker = start(); await message(worker); await worker.terminate() }
console.log((await answer(start())).length > 0)`
    expect(await run(`ended-${name.length}`, code)).toMatchObject({ code: 0, stdout: 'true\n' })
  },
  60_000,
)

it('process.exit() in mid-call ends the process with its code, at once', async () => {
  const main = `await message(start()); process.exit(7)`
  expect(await run('exit-worker', main)).toMatchObject({ code: 7, stderr: '' })
  const own = `import('./worker.mjs').catch(() => {}); setTimeout(() => process.exit(5), 400)`
  expect(await run('exit-main', own)).toMatchObject({ code: 5, stderr: '' })
}, 60_000)

/** libtorch sets up much at its first convolution only, and takes it down as the process ends. */
const SAMPLING = `
import { parentPort } from 'node:worker_threads'
import { PoissonFlow } from 'pfgm-torch'
const flow = await PoissonFlow.load('digits')
let steps = 0
await flow.sample({ count: 64, onProgress: () => { if (++steps === 3) parentPort ? parentPort.postMessage('sampling') : process.emit('sampling') } })
`

it('process.exit() while a network computes ends the process with its code, every time', async () => {
  put(join(project.folder, 'sampling.mjs'), SAMPLING)
  const own = `import('./sampling.mjs'); process.once('sampling', () => setTimeout(() => process.exit(5), 20))`
  const main = `new Worker(new URL('./sampling.mjs', import.meta.url)).once('message', () => setTimeout(() => process.exit(7), 20))`
  for (let i = 0; i < runs(3, 8); i++) {
    expect(await run('exit-sampling', own)).toMatchObject({ code: 5, stderr: '' })
    expect(await run('exit-sampling-worker', main)).toMatchObject({ code: 7, stderr: '' })
  }
}, 120_000)

it('a process with nothing to do ends although the addon is loaded', async () => {
  expect(await run('idle', `(await import('pfgm-torch')).info(); console.log('loaded')`)).toMatchObject({
    code: 0,
    stdout: 'loaded\n',
  })
}, 60_000)
