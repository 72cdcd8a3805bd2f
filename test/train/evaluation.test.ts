import { describe, expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { memory } from '../../src/native/device.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import type { TrainEvent } from '../../src/train/events.js'
import type { TrainOptions } from '../../src/train/options.js'
import { preset } from '../../src/train/presets.js'
import { train } from '../../src/train/train.js'
import { eventsOf, newOut, SMALL } from './runs.js'

async function collect(options: Partial<TrainOptions>): Promise<TrainEvent[]> {
  const data = options.data ?? (await datasets.toy('two-moons', { count: 500 }))
  return eventsOf({ ...SMALL, data, out: newOut(), ...options })
}

describe('samples at the end', () => {
  it('are as many as were asked for, of points too', async () => {
    const events = await collect({ evaluationCount: 30 })
    expect(events.at(-1)).toMatchObject({ type: 'end', distance: { samples: 30, items: 500 } })
    const fractions = events.flatMap((event) => (event.type === 'evaluating' ? [event.fraction] : []))
    expect(fractions.length).toBeGreaterThan(0)
    expect(fractions.every((each, i) => each >= (fractions[i - 1] ?? 0) && each <= 1)).toBe(true)
  })

  it('take no more than a tenth of the training, or two seconds, where nobody asked for them', async () => {
    // A step on two pictures is a hundredth of drawing one: 900 of them would take minutes.
    const { network } = preset('small')
    const data = await datasets.array(
      new Float32Array(784 * 4).map((_, i) => Math.sin(i)),
      [1, 28, 28],
    )
    const options = { data, network, batchSize: 2, smallBatchSize: 2, steps: 2, out: newOut() }
    const events: TrainEvent[] = []
    let trained = 0
    for await (const event of train(options)) {
      if (event.type === 'step') trained = performance.now()
      events.push(event)
    }
    expect((performance.now() - trained) / 1000).toBeLessThan(12)
    expect(events.at(-1)).toMatchObject({ type: 'end', step: 2 })
    expect(events.at(-1)).not.toHaveProperty('distance')
  })

  it('are left where the caller leaves, or its signal says so, and the model stays', async () => {
    const data = await datasets.toy('two-moons', { count: 500 })
    for (const leave of ['signal', 'break'] as const) {
      const out = newOut()
      const abort = new AbortController()
      const handles = memory().handles
      const training = async () => {
        const options = { ...SMALL, data, out, evaluationCount: 1_000_000, signal: abort.signal }
        for await (const event of train(options)) {
          if (event.type !== 'evaluating') continue
          if (leave === 'break') break
          abort.abort(new Error('enough'))
        }
      }
      if (leave === 'signal') await expect(training()).rejects.toThrow('enough')
      else await training()
      expect(memory().handles).toBe(handles)
      using flow = await PoissonFlow.load(out)
      expect(flow.config.step).toBe(12)
    }
  })

  it('are compared with a part of the data where all of it would take long', async () => {
    const count = 40_000
    const values = Float32Array.from(
      { length: 2 * count },
      (_, i) => (i < count ? 1 : -1) + 0.1 * Math.sin(i),
    )
    const data = await datasets.array(values, [2])
    const events = await collect({
      data,
      steps: 1,
      evaluationCount: 20,
      network: { ...SMALL.network, width: 4 },
    })
    const end = events.at(-1)
    if (end?.type !== 'end' || !end.distance) throw new Error('no distance')
    expect(end.distance.items).toBeLessThan(count)
    expect(end.distance.items).toBeGreaterThan(count / 8)
  })
})
