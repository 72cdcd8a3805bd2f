import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { lockRun } from '../../src/checkpoint/run-lock.js'
import { native } from '../../src/native/native.js'
import { BIN, jsonLines, run, sharedFolder, start, startProgram, TINY_POINTS } from '../cli/cli.js'
import { noNamespaces, signalContained, startContained } from '../processes.js'

const folder = sharedFolder()
let made = 0

function newFolder(): string {
  const path = join(folder, `run-${made++}`)
  mkdirSync(path)
  return path
}

const train = (out: string) => [
  ...['train', ...TINY_POINTS, '--json', '--out', out, '--evaluation-count', '0'],
  ...['--steps', '1000000', '--checkpoint-every', '1'],
]

describe.each([
  ['the system locks files', undefined],
  ['it does not', 'unsupported' as const],
])('a run folder where %s', (_, answer) => {
  const begin = () => {
    if (answer !== undefined) vi.spyOn(native(), 'lockFile').mockReturnValue(answer)
    return newFolder()
  }
  afterEach(() => vi.restoreAllMocks())

  it('is one training’s at a time, and free as soon as that ends', () => {
    const out = begin()
    const lock = lockRun(out)
    const file = join(out, '.lock')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid })
    expect(() => lockRun(out)).toThrow(`this process is training there itself (${file}): end that training`)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid })
    lock[Symbol.dispose]()
    expect(existsSync(file)).toBe(false)
    lockRun(out)[Symbol.dispose]()
  })

  it('that cannot be written to is no lock’s', () => {
    const out = begin()
    mkdirSync(join(out, '.lock'))
    if (answer === undefined) expect(() => lockRun(out)).toThrow(/Could not write to .*\.lock/)
    else expect(() => lockRun(out)).toThrow(/another process is training there/)
  })
})

it('what an earlier holder left in the file decides nothing', () => {
  const out = newFolder()
  writeFileSync(join(out, '.lock'), JSON.stringify({ pid: 1, host: 'other', since: 'long ago' }))
  lockRun(out)[Symbol.dispose]()
  writeFileSync(join(out, '.lock'), '')
  lockRun(out)[Symbol.dispose]()
})

it('a lock whose file was removed by hand takes nobody else’s file with it', () => {
  const out = newFolder()
  const file = join(out, '.lock')
  const first = lockRun(out)
  rmSync(file)
  const second = lockRun(out)
  first[Symbol.dispose]()
  expect(existsSync(file)).toBe(true)
  expect(() => lockRun(out)).toThrow('this process is training there itself')
  second[Symbol.dispose]()
})

it('of many processes that try at once, again and again, one is in', async () => {
  const out = newFolder()
  const log = join(out, 'log')
  const code = `
import { appendFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { lockRun } from ${module('checkpoint/run-lock.js')}
for (let round = 0; round < 200; ) {
  await setImmediate()
  let lock
  try { lock = lockRun(${JSON.stringify(out)}) } catch (error) {
    if (error.code !== 'ERR_PFGM_RUN_BUSY') throw error
    continue
  }
  appendFileSync(${JSON.stringify(log)}, '+')
  await setImmediate()
  appendFileSync(${JSON.stringify(log)}, '-')
  lock[Symbol.dispose]()
  round++
}`
  const ended = await Promise.all([1, 2, 3].map(() => node(code).ended))
  expect(ended.map(({ stderr }) => stderr)).toEqual(['', '', ''])
  expect(readFileSync(log, 'utf8')).toBe('+-'.repeat(600))
})

describe('however a training ends, its folder is free', () => {
  it('a process that is killed', async () => {
    const out = newFolder()
    const running = start(folder, ...train(out))
    await running.line(/"type":"checkpoint"/)
    running.process.kill('SIGKILL')
    await running.ended
    writeFileSync(join(out, 'checkpoints', '.tmp-step-0000009.safetensors-1-00'), 'as it was being written')
    const resumed = await run(folder, ...train(out), '--resume', '--steps', '1')
    expect(resumed).toMatchObject({ code: 0 })
    expect(existsSync(join(out, '.lock'))).toBe(false)
    expect(existsSync(join(out, 'checkpoints', '.tmp-step-0000009.safetensors-1-00'))).toBe(false)
  })

  it.skipIf(noNamespaces !== undefined)(
    'two containers on one volume: one trains; when it is killed, another goes on, of the same number',
    async () => {
      const out = newFolder()
      const running = startContained(folder, BIN, ...train(out))
      await running.line(/"type":"checkpoint"/)
      const second = await startContained(folder, BIN, ...train(out), '--resume').ended
      expect(second).toMatchObject({ code: 1, stdout: '' })
      expect(second.stderr).toMatch(/process 1 on \S+ is training there \(.*\.lock\)/)
      expect(second.stderr).not.toContain('itself')
      signalContained(running, 'SIGKILL')
      const killed = await running.ended
      const step = jsonLines({ ...killed, stdout: killed.stdout.replace(/[^\n]*$/, '') }).length
      expect(step).toBeGreaterThan(0)
      const resumed = await startContained(folder, BIN, ...train(out), '--resume', '--steps', '2').ended
      expect(resumed).toMatchObject({ code: 0 })
    },
  )

  it('a worker that is terminated, a generator that is dropped, a loop that is left', async () => {
    const script = join(folder, 'ends.mjs')
    writeFileSync(script, ENDS)
    const { stdout, stderr } = await startProgram(folder, process.execPath, ['--expose-gc', script]).ended
    expect({ lines: stdout.trim().split('\n'), stderr }).toEqual({
      lines: ['worker: free', 'dropped: free', 'handles: 0', 'left: free'],
      stderr: '',
    })
  })
})

function module(name: string): string {
  return JSON.stringify(new URL(`../../dist/${name}`, import.meta.url).href)
}

function node(code: string) {
  return startProgram(folder, process.execPath, ['--input-type=module', '-e', code])
}

const ENDS = `
import { setTimeout } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { datasets, memory, train } from ${JSON.stringify(fileURLToPath(new URL('../../dist/index.js', import.meta.url)))}
const options = { steps: 1e6, sampleEvery: 0, evaluationCount: 0, checkpointEvery: 10, batchSize: 64, smallBatchSize: 16,
  network: { kind: 'mlp', dimensions: 2, width: 8, depth: 1 } }
const start = async (more) => train({ data: await datasets.toy('two-moons', { count: 100 }), ...options, ...more })
async function tryAgain(name, out) {
  let said = 'free'
  try {
    for await (const event of await start({ out, resume: true })) if (event.type === 'step') break
  } catch (error) {
    said = error.message
  }
  console.log(name + ': ' + said)
}
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url))
  await new Promise((done) => worker.once('message', done))
  await worker.terminate()
  await tryAgain('worker', 'by-worker')

  await begin()
  await collect()
  await tryAgain('dropped', 'by-dropped')
  await collect()
  console.log('handles: ' + memory().handles)

  for await (const event of await start({ out: 'by-left' })) if (event.type === 'step') break
  await tryAgain('left', 'by-left')
} else {
  for await (const { type, step } of await start({ out: 'by-worker' })) if (step === 20) parentPort.postMessage(type)
}
async function begin() {
  const events = await start({ out: 'by-dropped' })
  for (let i = 0; i < 5; i++) await events.next()
}
async function collect() {
  for (let i = 0; i < 10; i++) {
    await setTimeout(50)
    globalThis.gc()
  }
}
`
