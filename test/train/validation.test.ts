import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHeader } from '../../src/checkpoint/safetensors.js'
import { datasets } from '../../src/data/index.js'
import { memory } from '../../src/native/device.js'
import type { TrainEvent } from '../../src/train/events.js'
import { divide, drawnPlaces } from '../../src/train/held-out.js'
import type { TrainOptions } from '../../src/train/options.js'
import { loadData } from '../../src/train/run-config.js'
import { evaluationsOf, newOut, SPACE_NETWORK, spaceEvents, spacePoints, warningsOf } from './runs.js'

const losses = (events: TrainEvent[]) =>
  events.flatMap((event) => ('validationLoss' in event ? [[event.step, event.validationLoss]] : []))

async function tensorBytes(out: string, step: number): Promise<Buffer> {
  const path = join(out, 'checkpoints', `step-${String(step).padStart(7, '0')}.safetensors`)
  const { dataOffset } = await readHeader(path)
  return readFileSync(path).subarray(dataOffset)
}

describe('items that are held out', () => {
  it('are as many as asked for, by the seed alone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.nat(),
        fc.bigInt(0n, 2n ** 64n - 1n),
        (count, some, seed) => {
          const drawn = some % (count + 1)
          const places = drawnPlaces(count, drawn, seed)
          expect(places.reduce((sum, each) => sum + each, 0)).toBe(drawn)
          expect(drawnPlaces(count, drawn, seed)).toEqual(places)
        },
      ),
    )
    // By an independent implementation of the same: they must stay what they are, as runs go on with them.
    expect([...drawnPlaces(12, 4, 0n).entries()].flatMap(([place, drawn]) => (drawn ? [place] : []))).toEqual(
      [1, 4, 6, 9],
    )
  })

  it('come from all places alike', () => {
    const hits = new Float64Array(40)
    for (let seed = 0n; seed < 2000n; seed++)
      for (const [i, drawn] of drawnPlaces(40, 10, seed).entries()) hits[i]! += drawn
    // 500 each, with a deviation of 19.
    for (const each of hits) expect(Math.abs(each - 500)).toBeLessThan(5 * 19.4)
  })

  it('and the others are the data in their order, labels with them', async () => {
    const values = Float32Array.from({ length: 60 }, (_, i) => i / 60)
    const labels = Uint8Array.from({ length: 30 }, (_, i) => i)
    const data = await loadData(await datasets.array(values, [2], { labels }))
    const { training, heldOut } = await divide(data, 0.3, 5n)
    expect([training.count, heldOut.count]).toEqual([21, 9])
    const items = async ({ tensor, labels: own }: typeof training) => {
      const numbers = [...((await tensor.data()) as Float32Array)]
      return [...own!.values].map((label, i) => [label, numbers[2 * i], numbers[2 * i + 1]])
    }
    const [learned, held] = [await items(training), await items(heldOut)]
    const all = [...labels].map((label) => [label, values[2 * label], values[2 * label + 1]])
    expect([...learned, ...held].toSorted(([a], [b]) => a! - b!)).toEqual(all)
    for (const part of [learned, held]) expect(part).toEqual(part.toSorted(([a], [b]) => a! - b!))
    for (const each of [data, training, heldOut]) each.tensor.dispose()
  })
})

describe('validation', () => {
  it.each([
    ['a Poisson flow', {}],
    ['a Poisson flow of all of the data', { fieldBatch: 'full' }],
    ['a flow towards images', { flow: { kind: 'edm' }, network: { ...SPACE_NETWORK, output: 'image' } }],
  ] as [string, Partial<TrainOptions>][])('is measured on the way and at the end: %s', async (_, options) => {
    const out = newOut()
    const events = await spaceEvents({
      out,
      validation: 0.2,
      evaluateEvery: 5,
      learningRate: 1e-2,
      warmup: 0,
      ...options,
    })
    expect(losses(events).map(([step]) => step)).toEqual([5, 10, 12])
    const values = losses(events).map(([, loss]) => loss!)
    expect(new Set(values).size).toBe(3)
    const log = readFileSync(join(out, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(log.flatMap(({ validationLoss }) => validationLoss ?? [])).toEqual(values)
  })

  it('is of what training makes smaller: on the same items about the same', async () => {
    const data = await spacePoints(256)
    const events = await spaceEvents({
      data,
      validation: data,
      steps: 300,
      emaRate: 0,
      batchSize: 256,
      smallBatchSize: 256,
      learningRate: 3e-3,
    })
    expect(warningsOf(events)).toEqual(['The data for validation, array, are those that the run learns from'])
    const trained = events.flatMap((event) => (event.type === 'step' ? [event.loss] : [])).slice(-50)
    const mean = trained.reduce((sum, each) => sum + each, 0) / trained.length
    expect(losses(events).at(-1)![1]! / mean).toBeGreaterThan(0.7)
    expect(losses(events).at(-1)![1]! / mean).toBeLessThan(1.4)
  })

  it('changes nothing of what is learned, and is the same after a break', async () => {
    const [straight, broken] = [newOut(), newOut()]
    const options = { validation: 0.2, evaluateEvery: 3, seed: 9 }
    const whole = await spaceEvents({ ...options, out: straight })
    await spaceEvents({ ...options, out: broken, steps: 7 })
    const resumed = await spaceEvents({ out: broken, resume: true, steps: 12 })
    expect(losses(resumed)).toEqual(losses(whole).slice(-2))
    expect((await tensorBytes(broken, 12)).equals(await tensorBytes(straight, 12))).toBe(true)
    const without = newOut()
    await spaceEvents({ ...options, evaluateEvery: 0, out: without })
    expect((await tensorBytes(without, 12)).equals(await tensorBytes(straight, 12))).toBe(true)
  })

  it('learns nothing from the items that are held out', async () => {
    const held = drawnPlaces(100, 50, 3n)
    const runs = [
      await spacePoints(100),
      await spacePoints(100, (value, place) => (held[place] ? -value : value)),
    ]
    const flow = { M: 200, zMax: 4, upperNorm: 20 } // else of the data, of all of them
    const outs = []
    for (const data of runs) {
      const out = newOut()
      await spaceEvents({ out, data, validation: 0.5, seed: 3, flow })
      outs.push(await tensorBytes(out, 12))
    }
    expect(outs[0]!.equals(outs[1]!)).toBe(true)
  })

  it('takes labels, and a data set of its own', async () => {
    const part = (from: number, name: string) =>
      datasets.array(
        Uint8Array.from({ length: 40 * 128 }, (_, i) => ((i + from) * 97) % 256),
        [2, 8, 8],
        { name, labels: Uint8Array.from({ length: 40 }, (_, i) => i % 3), classes: ['a', 'b', 'c'] },
      )
    const network = {
      ...{
        kind: 'unet',
        channels: 2,
        imageSize: 8,
        nf: 4,
        chMult: [1],
        numResBlocks: 1,
        attnResolutions: [],
      },
      ...{ dropout: 0, embedding: 'positional', fourierScale: 16, fir: false, progressiveInput: 'none' },
      ...{ skipRescale: true, initScale: 1, centered: true },
    } as unknown as TrainOptions['network'] & object
    const [data, validation] = [await part(0, 'these'), await part(9, 'those')]
    const out = newOut()
    const options = { out, data, network, labels: true, steps: 2 }
    const before = memory().handles
    const events = await spaceEvents({ ...options, validation, evaluateEvery: 1 })
    expect(memory().handles).toBeLessThanOrEqual(before + 2) // the labels' own, which are collected
    expect(losses(events).map(([step]) => step)).toEqual([1, 2])
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).validation).toMatchObject({
      data: 'those',
      count: 40,
    })
    const again = { ...options, resume: true, steps: 3 } as const
    await expect(spaceEvents(again)).rejects.toThrow(
      'started with, those, but received none: give it (--validation)',
    )
    const others = await part(11, 'others')
    await expect(spaceEvents({ ...again, validation: others })).rejects.toThrow(
      'received others: give that, or',
    )
    await expect(spaceEvents({ ...again, validation: 0.5 })).rejects.toThrow(
      'Expected validation to be a data set as',
    )
    expect(warningsOf(await spaceEvents({ ...again, validation }))).toEqual([])
    expect(warningsOf(await spaceEvents({ ...again, steps: 4, validation: others, newData: true }))).toEqual([
      'The run goes on with other data for validation: others, not those',
    ])
  })

  it('is refused where it cannot be', async () => {
    const share = 'a share above 0 and below 1, or a data set,'
    for (const validation of [0, 1, -1, Number.NaN]) {
      await expect(spaceEvents({ validation })).rejects.toThrow(
        `Expected validation to be ${share} but received`,
      )
    }
    await expect(spaceEvents({ validation: 1e-6 })).rejects.toThrow(
      'some of 300 items but not all but received 0.000001',
    )
    await expect(spaceEvents({ validation: 'half' as never })).rejects.toThrow(
      'Expected validation to be a share',
    )
    await expect(spaceEvents({ validation: await datasets.digits() })).rejects.toThrow(
      'Expected validation to be of items of [3] as the data but received [1, 8, 8]',
    )
    const out = newOut()
    await spaceEvents({ out, validation: 0.2, steps: 2 })
    for (const validation of [0.3, await spacePoints(9)]) {
      await expect(spaceEvents({ out, resume: true, steps: 3, validation })).rejects.toThrow(
        'Expected validation to be 0.2 as the run was started with, since it learned from all else, but received',
      )
    }
    const grown = { out, resume: true, steps: 3, data: await spacePoints(310), newData: true } as const
    expect(warningsOf(await spaceEvents(grown))).toEqual([
      expect.stringContaining('other data'),
      'Of other data other items are held out: the run may have learned from some of them',
    ])
    const all = newOut()
    await spaceEvents({ out: all, steps: 2 })
    await expect(spaceEvents({ out: all, resume: true, steps: 3, validation: 0.3 })).rejects.toThrow(
      'to be none as the run',
    )
    expect(evaluationsOf(await spaceEvents({ out: all, resume: true, steps: 3 }))).toEqual([])
  })
})
