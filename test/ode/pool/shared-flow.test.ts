import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TrajectoriesHandle } from '../../../src/native/addon.js'
import { native } from '../../../src/native/native.js'
import type { PoissonFlow, SampleOptions } from '../../../src/poisson-flow.js'
import { pointsFlow } from '../points-flow.js'
import { rowsOfCalls } from '../rows-of-calls.js'

let flow: PoissonFlow

beforeAll(async () => {
  flow = await pointsFlow()
})

afterEach(() => vi.restoreAllMocks())

async function draw(options: SampleOptions) {
  const { images } = await flow.sample(options)
  using drawn = images
  return drawn.data()
}

describe('samplings at the same time', () => {
  it('share their network calls', async () => {
    const settings: SampleOptions[] = [
      { solver: 'rk45', count: 3 },
      { solver: 'unipc', steps: 30, count: 5 },
      { solver: 'heun', steps: 20, count: 2, batchSize: 1 },
    ]
    const calls: number[] = []
    for (const options of settings) {
      const counted = rowsOfCalls()
      await draw(options)
      calls.push(counted.length)
      vi.restoreAllMocks()
    }
    const counted = rowsOfCalls()
    await Promise.all(settings.map(draw))
    // A few more, since they do not all begin in the same turn of the event loop.
    expect(counted.length).toBeLessThan(Math.max(...calls) + 5)
  })

  it('each get the flags of their own rows', async () => {
    const flags = Uint8Array.of(1, 0, 0, 1, 1)
    vi.spyOn(native(), 'evaluateDrifts').mockResolvedValue(flags)
    const shared = flow.sharedFlow()
    const ask = (rows: number) => {
      const steps = new Float64Array(rows).fill(1)
      const y = { ofX: 1, ofK: [] }
      const pool = 0 as TrajectoriesHandle
      return shared.enter(async () => {
        await setImmediate()
        const { answer } = await shared.evaluate({ pool, slot: 0, y, steps, heights: steps, view: 'height' })
        return answer
      })
    }
    expect(await Promise.all([ask(2), ask(3)])).toEqual([flags.slice(0, 2), flags.slice(2)])
  })

  it('go on after their evaluation is asked for where the call is made once more for each of them', async () => {
    const done: string[] = []
    vi.spyOn(native(), 'evaluateDrifts').mockImplementation(async (_, evaluations) => {
      if (evaluations.length === 1) done.push(`asked for ${evaluations[0]!.heights.length}`)
      await setImmediate()
      if (evaluations.length > 1) throw new Error('memory is short')
      return new Uint8Array(evaluations[0]!.heights.length)
    })
    const shared = flow.sharedFlow()
    const ask = (rows: number) =>
      shared.enter(async () => {
        await setImmediate()
        const steps = new Float64Array(rows).fill(1)
        const pool = 0 as TrajectoriesHandle
        const y = { ofX: 1, ofK: [] }
        await shared.evaluate({ pool, slot: 0, y, steps, heights: steps, view: 'height' })
        done.push(`went on ${rows}`)
      })
    await Promise.all([ask(2), ask(3)])
    for (const rows of [2, 3]) {
      expect(done).toContain(`asked for ${rows}`)
      expect(done.indexOf(`went on ${rows}`)).toBeGreaterThan(done.indexOf(`asked for ${rows}`))
    }
  })

  it('leave what can wait until the network computes, or nobody asks for anything', async () => {
    const order: string[] = []
    vi.spyOn(native(), 'evaluateDrifts').mockImplementation(async (_, evaluations) => {
      order.push('call')
      await setImmediate()
      await setImmediate()
      order.push('answer')
      return new Uint8Array(evaluations[0]!.heights.length)
    })
    const shared = (await pointsFlow()).sharedFlow()
    const one = new Float64Array(1).fill(1)
    const at = { pool: 0 as TrajectoriesHandle, slot: 0, y: { ofX: 1, ofK: [] }, steps: one, heights: one }
    const wait = (name: string) => shared.meanwhile(() => order.push(name))
    await shared.enter(async () => {
      wait('first')
      await setImmediate()
      const { answer } = await shared.evaluate({ ...at, view: 'height' })
      await answer
      wait('second')
      await shared.stepAside(async () => {
        await setImmediate()
        await setImmediate()
        order.push('aside')
      })
      wait('third')
    })
    await setImmediate()
    wait('fourth')
    await setImmediate()
    expect(order).toEqual(['call', 'first', 'answer', 'second', 'aside', 'third', 'fourth'])
  })

  it('do not wait for one whose hook waits for another', async () => {
    const other = { solver: 'dpm2m', steps: 5, count: 1 } as const
    const values = await draw({
      solver: 'euler',
      steps: 3,
      count: 1,
      onDenoised: async () => {
        await draw(other)
        return undefined
      },
    })
    expect(values).toEqual(await draw({ solver: 'euler', steps: 3, count: 1 }))
  })

  it('end each with its own error', async () => {
    const broken = flow.sample({ count: 2, onDenoised: () => Promise.reject(new Error('no measurement')) })
    const whole = draw({ count: 2 })
    await expect(broken).rejects.toThrow('no measurement')
    expect(await whole).toEqual(await draw({ count: 2 }))
  })
})
