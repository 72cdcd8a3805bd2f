import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TrajectoriesHandle } from '../../../src/native/addon.js'
import { native } from '../../../src/native/native.js'
import type { PoissonFlow, SampleOptions } from '../../../src/poisson-flow.js'
import { pointsFlow } from '../points-flow.js'

let flow: PoissonFlow

beforeAll(async () => {
  flow = await pointsFlow()
})

afterEach(() => vi.restoreAllMocks())

/** Calls of the network. */
function count() {
  const counted = { calls: 0 }
  const addon = native()
  const evaluateDrifts = addon.evaluateDrifts.bind(addon)
  vi.spyOn(addon, 'evaluateDrifts').mockImplementation((handle, evaluations) => {
    counted.calls += 1
    return evaluateDrifts(handle, evaluations)
  })
  return counted
}

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
      const counted = count()
      await draw(options)
      calls.push(counted.calls)
      vi.restoreAllMocks()
    }
    const counted = count()
    await Promise.all(settings.map(draw))
    // A few more, since they do not all begin in the same turn of the event loop.
    expect(counted.calls).toBeLessThan(Math.max(...calls) + 5)
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
