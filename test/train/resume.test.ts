import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { setThreads } from '../../src/native/device.js'
import type { TrainEvent } from '../../src/train/events.js'
import type { TrainOptions } from '../../src/train/options.js'
import { preset } from '../../src/train/presets.js'
import { train } from '../../src/train/train.js'
import { withMetadata } from '../checkpoint/metadata.js'
import { eventsOf, newOut } from './runs.js'

const SMALL = {
  network: { kind: 'mlp', dimensions: 3, width: 16, depth: 1 },
  steps: 4,
  batchSize: 64,
  smallBatchSize: 16,
  sampleEvery: 0,
  evaluationCount: 0,
} as const

const VALUES = Float32Array.from({ length: 600 }, (_, i) => Math.sin(i) + 0.1 * Math.cos(i * i))
/** In space, as points in the plane are drawn at every end. */
const points = (name: string, count: number, change = 0) => {
  const values = VALUES.slice(0, 3 * count)
  values[1]! += change
  return datasets.array(values, [3], { name })
}

async function collect(options: Partial<TrainOptions>): Promise<TrainEvent[]> {
  const data = options.data ?? (await points('mine', 100))
  return eventsOf({ ...SMALL, data, out: newOut(), ...options })
}

const warnings = (events: TrainEvent[]) =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

const starts = (events: TrainEvent[]) =>
  events.flatMap((event) => (event.type === 'start' ? [[event.step, event.steps]] : []))

describe('resume: auto', () => {
  it('begins a run where there is none and goes on where there is one', async () => {
    const out = newOut()
    expect(starts(await collect({ out, resume: 'auto' }))).toEqual([[0, 4]])
    expect(starts(await collect({ out, resume: 'auto', steps: 6 }))).toEqual([[4, 6]])
    expect(starts(await collect({ out, resume: 'auto', steps: 6 }))).toEqual([[6, 6]])
  })
})

describe('how a run learns may change', () => {
  it('with a word for each change, and is kept from then on', async () => {
    const out = newOut()
    await collect({ out })
    const changes = { learningRate: 1e-5, clipNorm: 2, smallBatchSize: 8, precision: 'bfloat16' } as const
    const resumed = await collect({ out, resume: true, steps: 5, warmup: 0, ...changes })
    expect(warnings(resumed).toSorted()).toEqual([
      'The run goes on with another clipNorm: 2 now, 1 before',
      'The run goes on with another learningRate: 0.00001 now, 0.001 before',
      'The run goes on with another precision: bfloat16 now, float32 before',
      'The run goes on with another smallBatchSize: 8 now, 16 before',
      expect.stringContaining('another warmup: 0 now'),
    ])
    expect(resumed.find(({ type }) => type === 'step')).toMatchObject({ learningRate: 1e-5 })
    const { smallBatchSize: _, ...rest } = SMALL
    const data = await points('mine', 100)
    const events: TrainEvent[] = []
    for await (const event of train({ ...rest, data, out, resume: true, steps: 6 })) events.push(event)
    expect(warnings(events)).toEqual([])
    expect(events.find(({ type }) => type === 'step')).toMatchObject({ step: 6, learningRate: 1e-5 })
  })

  it('but to nothing that is no such setting', async () => {
    const out = newOut()
    await collect({ out })
    await expect(collect({ out, resume: true, learningRate: -1 })).rejects.toThrow('Expected learningRate')
  })
})

describe('a run that diverged', () => {
  // The first step is finite, and leaves weights of 10.
  const wild = {
    network: { kind: 'mlp', dimensions: 3, width: 16, depth: 24 },
    ...{ learningRate: 10, clipNorm: 0, warmup: 0, steps: 6 },
  } as const

  it('goes on from before as its message says', async () => {
    const out = newOut()
    const failure = collect({ ...wild, out, checkpointEvery: 5 })
    await expect(failure).rejects.toThrow(
      `lower the learning rate, and go on with --resume (last good checkpoint: ${join(out, 'checkpoints', 'step-0000000.safetensors')})`,
    )
    const resumed = await collect({ ...wild, out, resume: true, learningRate: 1e-4 })
    expect(resumed.at(-1)).toMatchObject({ type: 'end', step: 6 })
  })

  it('with weights too far out to be mended goes on from the checkpoint before those', async () => {
    const out = newOut()
    await expect(collect({ ...wild, out, checkpointEvery: 1 })).rejects.toThrow('go on with --resume')
    const spoilt = join(out, 'checkpoints', 'step-0000001.safetensors')
    const again = () => collect({ ...wild, out, resume: true, learningRate: 1e-4 })
    await expect(again()).rejects.toThrow(`delete ${spoilt} to go on from the one before`)
    rmSync(spoilt)
    expect((await again()).at(-1)).toMatchObject({ type: 'end', step: 6 })
  })
})

describe('data is known by what it holds', () => {
  it('under another name, the run goes on', async () => {
    const out = newOut()
    await collect({ out })
    const events = await collect({ out, resume: true, steps: 5, data: await points('renamed', 100) })
    expect([starts(events), warnings(events)]).toEqual([[[4, 5]], []])
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({ data: 'renamed' })
  })

  it.each([
    [
      'exchanged',
      () => points('mine', 100, 1e-3),
      'Expected the data of the run, mine, 100 x [3], but received such with other values: give the data',
    ],
    [
      'grown',
      () => points('mine', 120),
      'but received mine, 120 x [3], of which the first are those of the run: give the data',
    ],
    ['cut down', () => points('mine', 90), 'but received mine, 90 x [3]: give the data'],
  ])('%s, it goes on if that is said to be meant', async (_, open, message) => {
    const out = newOut()
    await collect({ out })
    const data = await open()
    await expect(collect({ out, resume: true, steps: 5, data })).rejects.toThrow(message)
    await expect(collect({ out, resume: true, steps: 5, data })).rejects.toThrow('--new-data')
    const events = await collect({ out, resume: true, steps: 5, data, newData: true })
    expect(warnings(events)).toEqual([expect.stringContaining('The run goes on with other data')])
    // and that is the run's data then
    expect(warnings(await collect({ out, resume: true, steps: 6, data }))).toEqual([])
  })

  it('of another shape, it cannot go on', async () => {
    const out = newOut()
    await collect({ out })
    const data = await datasets.array(VALUES.slice(0, 200), [2])
    const failure = collect({ out, resume: true, data, newData: true })
    await expect(failure).rejects.toThrow(
      /Expected the data of the run, mine, 100 x \[3\], but .*started with$/,
    )
  })

  it('of pictures of another size, it tells how they are read', async () => {
    const out = newOut()
    const pictures = (size: number) =>
      datasets.array(VALUES.slice(0, 4 * size ** 2), [1, size, size], { name: 'photos' })
    const network = { ...preset('digits').network, nf: 8 } as const
    const options = { network, evaluationCount: 0, out }
    await collect({ ...options, data: await pictures(8) })
    await expect(collect({ ...options, data: await pictures(4), resume: true })).rejects.toThrow(
      'photos, 4 x [1, 8, 8], but received photos, 4 x [1, 4, 4]: give the data it was started with, read as it was then (--size',
    )
  })

  it('in a run of an earlier version, by its name and its size', async () => {
    const out = newOut()
    await collect({ out })
    const checkpoints = join(out, 'checkpoints')
    const path = join(checkpoints, readdirSync(checkpoints).sort().at(-1)!)
    const forget = ({ checksum: _, run, ...rest }: Record<string, string>) => {
      const { dataHash, ...config } = JSON.parse(run!)
      expect(dataHash).toMatch(/^[0-9a-f]{16}$/)
      return { ...rest, run: JSON.stringify(config) }
    }
    writeFileSync(path, withMetadata(readFileSync(path), forget))
    const renamed = await points('renamed', 100)
    await expect(collect({ out, resume: true, data: renamed })).rejects.toThrow('received renamed, 100 x [3]')
    expect(starts(await collect({ out, resume: true, steps: 5 }))).toEqual([[4, 5]])
    // from here on it is known
    expect(starts(await collect({ out, resume: true, steps: 6, data: renamed }))).toEqual([[5, 6]])
  })
})

it.skipIf(availableParallelism() < 2)('a run keeps its number of threads', async () => {
  const out = newOut()
  const threads = (events: TrainEvent[]) =>
    events.flatMap((event) => (event.type === 'start' ? [event.threads] : []))
  expect(threads(await collect({ out, threads: 1 }))).toEqual([1])
  const resumed = await collect({ out, resume: true, steps: 5 })
  expect([threads(resumed), warnings(resumed)]).toEqual([[1], []])
  const told = await collect({ out, resume: true, steps: 6, threads: 2 })
  expect([threads(told), warnings(told)]).toEqual([[2], [expect.stringContaining('1 threads then, 2 now')]])
  await setThreads()
})
