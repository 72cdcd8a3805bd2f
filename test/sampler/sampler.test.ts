import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PoissonFlow } from '../../src/poisson-flow.js'
import type { SampleRequest, Sampler } from '../../src/sampler/sampler.js'
import { createSampler } from '../../src/sampler/sampler.js'

let model: PoissonFlow
let sampler: Sampler

beforeAll(async () => {
  model = await PoissonFlow.load('digits')
  sampler = await createSampler({ model, maxRows: 8, queueLimit: 100 })
})

afterAll(async () => {
  await sampler.close()
  model.dispose()
})

/** Quick ones. */
const EULER = { solver: 'euler', steps: 4 } as const

async function alone({ priority, deadline, previews, signal, ...options }: SampleRequest) {
  const { images } = await model.sample({ count: 1, ...options })
  using drawn = images
  return drawn.data()
}

describe('a sampler', () => {
  it('gives each the bits that it gets alone, whatever is under way beside it', async () => {
    const requests: SampleRequest[] = [
      { seed: 1 },
      { seed: 2, count: 5, solver: 'heun', steps: 6 },
      { seed: 3, count: 12, ...EULER },
      { seed: 4, solver: 'rk45', rtol: 1e-2, atol: 1e-2 },
      { seed: 5, solver: 'dpm2m', steps: 7, labels: 3 },
      { seed: 6, solver: 'dpm2m', steps: 7, labels: [4, 5], guidance: 1.5, count: 2 },
      { seed: 7, temperature: 0.9, ...EULER },
      { seed: 8 },
    ]
    const results = await Promise.all(requests.map((request) => sampler.submit(request).result))
    for (const [i, request] of requests.entries()) {
      const { values, shape, status, evaluations } = results[i]!
      expect(shape).toEqual([request.count ?? 1, 1, 8, 8])
      expect(values).toEqual(await alone(request))
      expect(status.every((each) => each === 'done')).toBe(true)
      expect(evaluations.every((each) => each >= 4)).toBe(true)
    }
    expect(sampler.figures).toMatchObject({ rows: 0, waiting: 0 })
  })

  it('puts many that come at the same time through the network together', async () => {
    const before = sampler.figures
    await Promise.all(Array.from({ length: 8 }, (_, seed) => sampler.submit({ seed, ...EULER }).result))
    const { calls, evaluations } = sampler.figures
    expect(evaluations - before.evaluations).toBe(8 * 4)
    expect(calls - before.calls).toBeLessThan(20)
  })

  it('refuses what is beyond the queue, and what has not begun by its deadline', async () => {
    const small = await createSampler({ model, maxRows: 2, queueLimit: 3 })
    const first = small.submit({ count: 2, ...EULER })
    const second = small.submit({ count: 2, ...EULER })
    const late = small.submit({ count: 1, deadline: 0, ...EULER })
    await expect(small.submit({ count: 4, ...EULER }).result).rejects.toMatchObject({
      code: 'ERR_PFGM_OVERLOADED',
    })
    await expect(late.result).rejects.toThrow('its deadline has passed')
    await Promise.all([first.result, second.result])
    await small.close()
    expect(() => small.submit({})).toThrow('one that is closed')
  })

  it('lets those of a higher priority in first', async () => {
    const narrow = await createSampler({ model, maxRows: 1 })
    const order: string[] = []
    const ask = (name: string, priority: number) =>
      narrow.submit({ ...EULER, priority }).result.then(() => order.push(name))
    await Promise.all([ask('first', 0), ask('low', -1), ask('usual', 0), ask('high', 5)])
    expect(order).toEqual(['first', 'high', 'usual', 'low'])
    await narrow.close()
  })

  it('lets go of what is aborted, and its room goes to others', async () => {
    const narrow = await createSampler({ model, maxRows: 2 })
    const controller = new AbortController()
    const endless = narrow.submit({
      solver: 'euler',
      steps: 100_000,
      maxEvaluations: 200_000,
      count: 2,
      signal: controller.signal,
    })
    const waiting = narrow.submit({ ...EULER, seed: 9 })
    setTimeout(() => controller.abort(new Error('nobody waits')), 50)
    await expect(endless.result).rejects.toThrow('nobody waits')
    expect((await waiting.result).values).toEqual(await alone({ ...EULER, seed: 9 }))
    await narrow.drained()
    expect(narrow.figures).toMatchObject({ rows: 0, waiting: 0 })
    await narrow.close()
  })

  it('shows samples while they are under way', async () => {
    const submission = sampler.submit({ seed: 3, count: 2, previews: true, solver: 'heun', steps: 30 })
    const heights: number[] = []
    for await (const { sample, height, values } of submission) {
      expect(values).toHaveLength(64)
      if (sample === 1) heights.push(height)
    }
    expect(heights.length).toBeGreaterThan(0)
    expect(heights).toEqual(heights.toSorted((a, b) => b - a))
    expect((await submission.result).values).toEqual(
      await alone({ seed: 3, count: 2, solver: 'heun', steps: 30 }),
    )
  })

  it('refuses what cannot be drawn at once, or says so in the result', async () => {
    expect(() => sampler.submit({ count: 0 })).toThrow('Expected')
    expect(() => sampler.submit({ labels: 12 })).toThrow('Expected labels')
    expect(() => sampler.submit({ solver: 'heun', rtol: 1 })).toThrow('Expected no rtol for the solver heun')
    expect(() => sampler.submit({ unknown: 1 } as SampleRequest)).toThrow('unknown')
    await expect(createSampler({ model: 'no/such/model' })).rejects.toThrow('no/such/model')
    await sampler.drained()
  })

  it('all previews come, and for whoever is slow as well', async () => {
    const submission = sampler.submit({ seed: 3, previews: 'all', solver: 'heun', steps: 12 })
    const heights: number[] = []
    for await (const { height } of submission) {
      heights.push(height)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(heights.length).toBeGreaterThan(8)
    expect(heights).toEqual(heights.toSorted((a, b) => b - a))
  })

  it('two of one model both know of its calls', async () => {
    const [first, second] = await Promise.all([createSampler({ model }), createSampler({ model })])
    await Promise.all([first.submit(EULER).result, second.submit({ ...EULER, seed: 1 }).result])
    for (const { figures } of [first, second]) expect(figures.evaluations).toBe(8)
    await second.close()
    await first.submit(EULER).result
    expect([first.figures.evaluations, second.figures.evaluations]).toEqual([12, 8])
    await first.close()
  })

  it('loses none of many that come and go', async () => {
    const busy = await createSampler({ model, maxRows: 4, queueLimit: 1000 })
    const settings = [EULER, { solver: 'heun', steps: 2 }, { solver: 'dpm2m', steps: 3 }] as const
    const random = (seed: number) => Math.abs(Math.sin(seed * 12.9898) * 43758.5453) % 1
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, async (_, seed) => {
        await new Promise((resolve) => setTimeout(resolve, 500 * random(seed)))
        const controller = new AbortController()
        if (random(seed + 0.5) < 0.3) setTimeout(() => controller.abort(), 20 * random(seed + 0.7))
        const { signal } = controller
        return busy.submit({ seed, signal, ...settings[seed % 3]! }).result.then(
          ({ values }) => (values.every(Number.isFinite) ? 'drawn' : 'empty'),
          (error) => (signal.aborted ? 'aborted' : String(error)),
        )
      }),
    )
    expect(new Set(outcomes)).toEqual(new Set(['drawn', 'aborted']))
    await busy.drained()
    const drawn = outcomes.filter((outcome) => outcome === 'drawn').length
    expect(busy.figures).toMatchObject({ rows: 0, waiting: 0, drawn })
    await busy.close()
  })

  it('forgets settings that nobody draws with', async () => {
    for (let i = 0; i < 20; i++) await sampler.submit({ ...EULER, rho: 1 + i / 10 }).result
    expect(sampler.figures).toMatchObject({ rows: 0, waiting: 0 })
  })
})
