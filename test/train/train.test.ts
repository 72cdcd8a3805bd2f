import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { lockRun } from '../../src/checkpoint/run-lock.js'
import { readHeader } from '../../src/checkpoint/safetensors.js'
import { datasets } from '../../src/data/index.js'
import { PfgmError, type PfgmErrorCode } from '../../src/errors.js'
import { memory, setThreads } from '../../src/native/device.js'
import { native } from '../../src/native/native.js'
import type { NetworkConfig } from '../../src/nn/config.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import type { TrainEvent } from '../../src/train/events.js'
import type { TrainOptions } from '../../src/train/options.js'
import { preset } from '../../src/train/presets.js'
import { train } from '../../src/train/train.js'
import * as runs from './runs.js'
import { home, newOut } from './runs.js'

const SMALL = { ...runs.SMALL, checkpointEvery: 4, evaluationCount: 0 } as const

async function collect(options: Partial<TrainOptions>): Promise<TrainEvent[]> {
  const data = options.data ?? (await datasets.toy('two-moons', { count: 500 }))
  return runs.eventsOf({ ...SMALL, data, out: newOut(), ...options })
}

const fails = (code: PfgmErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof PfgmError && error.code === code && message.test(error.message)

/** The bytes of all tensors of a checkpoint. */
async function tensorBytes(path: string): Promise<Buffer> {
  const { dataOffset } = await readHeader(path)
  return readFileSync(path).subarray(dataOffset)
}

function checkpoints(out: string): string[] {
  return readdirSync(join(out, 'checkpoints')).sort()
}

describe('train()', () => {
  it('yields what happens, and leaves config, log, checkpoints and a picture', async () => {
    const out = newOut()
    const events = await collect({ out, evaluationCount: 200, sampleEvery: 5 })
    expect(events[0]).toMatchObject({ type: 'start', step: 0, steps: 12, parameterCount: expect.any(Number) })
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(12)
    expect(
      events.filter(({ type }) => type === 'picture').map((event) => 'step' in event && event.step),
    ).toEqual([5, 10])
    const end = events.at(-1)
    expect(end).toMatchObject({ type: 'end', step: 12, picture: join(out, 'samples.png') })
    if (end?.type !== 'end' || !end.distance) throw new Error('no distance')
    expect(end.distance.value).toBeGreaterThan(end.distance.floor.mean)
    expect(checkpoints(out)).toEqual(
      ['step-0000004', 'step-0000008', 'step-0000012'].map((name) => `${name}.safetensors`),
    )
    expect(existsSync(join(out, 'samples.png'))).toBe(true)
    expect(existsSync(join(out, '.lock'))).toBe(false)
    const log = readFileSync(join(out, 'log.jsonl'), 'utf8').trim().split('\n')
    expect(log.map((line) => JSON.parse(line).type)).toEqual(['step', 'end'])
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toMatchObject({
      data: 'two-moons',
      seed: '0',
    })
    using flow = await PoissonFlow.load(out)
    expect(flow.config).toMatchObject({ step: 12, data: 'two-moons' })
  })

  it('keeps the newest checkpoints', async () => {
    const out = newOut()
    await collect({ out, checkpointEvery: 2, keep: 2 })
    expect(checkpoints(out)).toEqual(['step-0000010.safetensors', 'step-0000012.safetensors'])
  })

  it('frees everything', async () => {
    await collect({})
    const before = memory().handles
    await collect({})
    expect(memory().handles).toBe(before)
  })

  it('learns: the loss falls', async () => {
    const events = await collect({ steps: 150, learningRate: 3e-3, warmup: 10 })
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(mean(losses.slice(-20))).toBeLessThan(0.7 * mean(losses.slice(0, 20)))
  })
})

describe('resuming', () => {
  it.each([
    ['points', SMALL.network, undefined],
    [
      'images, with dropout and mirroring',
      {
        kind: 'unet',
        channels: 1,
        imageSize: 8,
        nf: 8,
        chMult: [1, 2],
        numResBlocks: 1,
        attnResolutions: [4],
        dropout: 0.2,
        embedding: 'fourier',
        fourierScale: 16,
        fir: true,
        progressiveInput: 'residual',
        skipRescale: true,
        initScale: 0,
        centered: true,
      },
      'digits',
    ],
  ] as [string, NetworkConfig, string | undefined][])(
    'gives the bits of an uninterrupted run: %s',
    async (_, network, name) => {
      const data = name ? await datasets.digits() : await datasets.toy('heart', { count: 300 })
      const options = { data, network, mirror: name !== undefined, seed: 2n ** 63n + 5n }
      const [straight, broken] = [newOut(), newOut()]
      await collect({ ...options, out: straight })
      await collect({ ...options, out: broken, steps: 5 })
      const events = await collect({ ...options, out: broken, resume: true })
      expect(events[0]).toMatchObject({ type: 'start', step: 5, steps: 12 })
      const last = join('checkpoints', 'step-0000012.safetensors')
      expect(await tensorBytes(join(broken, last))).toEqual(await tensorBytes(join(straight, last)))
    },
  )

  it('leaving the loop saves first', async () => {
    const out = newOut()
    const data = await datasets.toy('two-moons', { count: 500 })
    for await (const event of train({ ...SMALL, data, out })) {
      if (event.type === 'step' && event.step === 3) break
    }
    expect(checkpoints(out).at(-1)).toBe('step-0000003.safetensors')
    const events = await collect({ out, resume: true })
    expect(events.at(-1)).toMatchObject({ type: 'end', step: 12 })
  })

  it('a signal saves, then throws its reason', async () => {
    const out = newOut()
    const abort = new AbortController()
    const data = await datasets.toy('two-moons', { count: 500 })
    const seen: TrainEvent[] = []
    const training = async () => {
      for await (const event of train({ ...SMALL, data, out, signal: abort.signal })) {
        seen.push(event)
        if (event.type === 'step' && event.step === 2) abort.abort(new Error('stop now'))
      }
    }
    await expect(training()).rejects.toThrow('stop now')
    expect(seen.at(-1)).toMatchObject({ type: 'checkpoint', step: 2 })
    expect(checkpoints(out).at(-1)).toBe('step-0000002.safetensors')
    expect(existsSync(join(out, '.lock'))).toBe(false)
  })

  it('warns where the bits will differ', async () => {
    const out = newOut()
    await collect({ out, steps: 4, threads: 1 })
    const events = await collect({ out, resume: true, threads: 2 })
    await setThreads()
    expect(events).toContainEqual({
      type: 'warning',
      message: expect.stringContaining('1 threads then, 2 now'),
    })
  })

  it('refuses other settings, other data and a missing run', async () => {
    const out = newOut()
    await collect({ out, steps: 4 })
    await expect(collect({ out, resume: true, seed: 3 })).rejects.toThrow(/Expected seed to be 0/)
    await expect(collect({ out, resume: true, flow: { gamma: 4 } })).rejects.toThrow(
      /Expected gamma to be 0.5/,
    )
    const wider = { ...SMALL.network, width: 32 }
    await expect(collect({ out, resume: true, network: wider })).rejects.toSatisfy(
      fails('ERR_PFGM_CHECKPOINT', /of another architecture: expected width 16 but received 32/),
    )
    const digits = await datasets.digits()
    await expect(collect({ out, resume: true, data: digits })).rejects.toThrow(
      /Expected the data of the run, two-moons/,
    )
    await expect(collect({ resume: true })).rejects.toSatisfy(
      fails('ERR_PFGM_CHECKPOINT', /train without --resume/),
    )
  })
})

describe('nothing is lost or overwritten', () => {
  it('a folder with a run is refused, and left as it was', async () => {
    const out = newOut()
    await collect({ out, steps: 4 })
    const before = checkpoints(out)
    await expect(collect({ out })).rejects.toSatisfy(fails('ERR_PFGM_RUN_EXISTS', /--resume.*--out/))
    expect(checkpoints(out)).toEqual(before)
  })

  it('a folder in use is refused', async () => {
    const out = newOut()
    mkdirSync(out)
    using _lock = lockRun(out)
    await expect(collect({ out })).rejects.toSatisfy(
      fails(
        'ERR_PFGM_RUN_BUSY',
        new RegExp(`this process is training there itself \\(${join(out, '.lock')}\\)`),
      ),
    )
  })

  it('a place where no folder can be made is refused before any work', async () => {
    const file = join(home, 'a-file')
    writeFileSync(file, '')
    await expect(collect({ out: join(file, 'run') })).rejects.toSatisfy(
      fails('ERR_PFGM_IO', /Could not make/),
    )
  })

  it('a loss that is not finite stops the run and keeps the last good checkpoint', async () => {
    const out = newOut()
    const data = await datasets.digits()
    const { network } = preset('digits')
    const options = { data, network: { ...network, nf: 8 } as NetworkConfig, checkpointEvery: 1, keep: 1 }
    const failure = collect({ ...options, out, steps: 400, learningRate: 10, clipNorm: 0, warmup: 8 })
    await expect(failure).rejects.toSatisfy(fails('ERR_PFGM_NOT_FINITE', /last good checkpoint: .*step-\d+/))
    const [last] = checkpoints(out)
    const bytes = await tensorBytes(join(out, 'checkpoints', last!))
    const values = new Float32Array(Uint8Array.from(bytes).buffer)
    expect(values.every(Number.isFinite)).toBe(true)
  })

  it('a loss that diverges without becoming infinite is said while it does, and at the end', async () => {
    const out = newOut()
    const options = { out, steps: 150, learningRate: 10, clipNorm: 0, warmup: 2, evaluationCount: 50 }
    const warnings = (events: readonly TrainEvent[]) =>
      events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    const told = warnings(await collect(options))
    const cure = 'start another run with a learningRate below 10 and a clipNorm of 1'
    expect(told[0]).toMatch(/^At step \d+ the loss diverged: .*, far above /)
    expect(told[0]).toContain(cure)
    expect(told).toHaveLength(2)
    expect(told[1]).toMatch(/^The model is trained and saved as .*, but the loss diverged: /)
    // Also by a process that took none of its steps.
    const again = await collect({ out, resume: true })
    expect(warnings(again)).toEqual([expect.stringContaining(cure)])
  })

  it('a trained model without finite samples is warned of, and its run ends well', async () => {
    const out = newOut()
    // A start so far out is no float32: no sample has a path, and every loss is finite.
    const flow = { zMax: 1e39, upperNorm: 1e39 }
    const events = await collect({ out, flow, evaluationCount: 200, sampleEvery: 5 })
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(12)
    expect(events.filter(({ type }) => type === 'warning' || type === 'picture')).toEqual([
      {
        type: 'warning',
        message: expect.stringContaining(
          `trained and saved as ${join(out, 'checkpoints', 'step-0000012.safetensors')}, but its samples could not be drawn: Sample 0`,
        ),
      },
    ])
    expect(events.at(-1)).toEqual({ type: 'end', step: 12, seconds: expect.any(Number), undrawable: true })
    expect(existsSync(join(out, 'samples.png'))).toBe(false)
    const log = readFileSync(join(out, 'log.jsonl'), 'utf8').trim().split('\n')
    expect(JSON.parse(log.at(-1)!)).toMatchObject({ type: 'end', step: 12 })
    using model = await PoissonFlow.load(out)
    expect(model.config.step).toBe(12)
  })

  it('samples for which there is no room cost no step, and the picture is not lost with the distance', async () => {
    const noRoom = () => new PfgmError('ERR_PFGM_OUT_OF_MEMORY', 'an allocation failed')
    vi.spyOn(native(), 'fullTensor').mockRejectedValueOnce(noRoom())
    vi.spyOn(native(), 'energyDistance').mockRejectedValueOnce(noRoom())
    const out = newOut()
    const events = await collect({ out, evaluationCount: 200, sampleEvery: 5 })
    vi.restoreAllMocks()
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(12)
    const told = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    expect(told).toEqual([
      'No samples were drawn at step 5: an allocation failed',
      expect.stringContaining('its samples could not be measured: an allocation failed'),
    ])
    const picture = join(out, 'samples.png')
    expect(events.at(-1)).toEqual({ type: 'end', step: 12, seconds: expect.any(Number), picture })
    expect(existsSync(picture)).toBe(true)
  })
})

describe('bad input', () => {
  const cases: [string, Partial<TrainOptions>, string][] = [
    ['no steps', { steps: 0 }, 'Expected steps to be an integer from 1'],
    [
      'more perturbed than sources',
      { smallBatchSize: 65 },
      'Expected smallBatchSize to be an integer from 1 to 64',
    ],
    [
      'an unknown preset',
      { preset: 'mnist' as never },
      'Expected preset to be one of digits, fashion, toy, small, cifar10',
    ],
    ['a negative rate', { learningRate: -1 }, 'Expected learningRate to be a number from 0 to 10'],
    ['an unknown device', { device: 'tpu' as never }, 'Expected device to be cpu, cuda or cuda:N'],
  ]
  it.each(cases)('%s is refused', async (_, options, message) => {
    const out = newOut()
    await expect(collect({ ...options, out })).rejects.toThrow(message)
    expect(existsSync(out)).toBe(false)
  })

  it.each([
    [undefined, 'Expected options of train to be an object but received undefined'],
    [{}, 'Expected data to be a data set'],
    [{ data: null, out: 'x' }, 'Expected data to be a data set'],
    [{ data: {}, out: 3 }, 'Expected out to be a non-empty string but received 3'],
    [{ data: {}, out: 'x', epochs: 3 }, 'but received one with "epochs"'],
  ])('options %j are refused', async (options, message) => {
    const first = train(options as never).next()
    await expect(first).rejects.toThrow(message)
    await expect(first).rejects.toBeInstanceOf(TypeError)
  })

  it.each([
    [{ shape: () => 1 }, 'Expected data.shape to be [channels, height, width] or [dimensions]'],
    [{ shape: [Symbol('x')] }, 'Expected data.shape[0] to be an integer'],
    [{ count: 1.5 }, 'Expected data.count to be an integer'],
    [{ name: 3 }, 'Expected data.name to be a non-empty string'],
    [{ mirror: 'no' }, 'Expected data.mirror to be true or false'],
    [{ notes: 'all' }, 'Expected data.notes to be an array of texts'],
    [{ values: [1, 2] }, 'Expected data.values.path to be a non-empty string'],
    [{ values: new Float64Array(4) }, 'Expected data.values to be a Uint8Array or a Float32Array'],
    [{ values: { path: 'x', offset: -1 } }, 'Expected data.values.offset to be an integer'],
  ])('a data set put together by hand is checked: %o', async (wrong, message) => {
    const whole = await datasets.array(new Float32Array([0, 1, 2, 3]), [2])
    await expect(collect({ data: { ...whole, ...wrong } as never })).rejects.toThrow(message)
  })

  it('data with a NaN is refused, and the item named', async () => {
    const data = await datasets.array(new Float32Array([0, 1, 2, Number.NaN]), [2], { name: 'mine' })
    await expect(collect({ data })).rejects.toSatisfy(fails('ERR_PFGM_DATA', /item 1 of mine has a NaN/))
  })

  it('data that does not fit the network is refused', async () => {
    const data = await datasets.array(new Float32Array(24).fill(0.5).fill(-0.5, 6), [1, 2, 3])
    await expect(collect({ data })).rejects.toThrow(/Expected the network to take items of \[1, 2, 3\]/)
  })
})
