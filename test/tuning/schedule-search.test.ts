import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { memory, setThreads } from '../../src/native/device.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { searchSchedule } from '../../src/tuning/schedule-search.js'
import { temporaryFolders } from '../data/temporary.js'
import { tinyFlow } from '../tiny-flow.js'

const temporaryFolder = temporaryFolders()
/** So few steps that their error is far above that of the dense trajectories. */
const WANTED = { solver: 'dpm2m', steps: 2 } as const

beforeAll(async () => {
  await setThreads(1)
})

describe('a searched schedule', () => {
  it('has the error that is stated, from starts that it was not searched on, and less than Karras heights', async () => {
    using flow = await tinyFlow()
    const { heights, count, seed, mean } = await searchSchedule(flow, WANTED)
    expect([heights.length, heights[0], heights[2]]).toEqual([3, 4, 1e-3])
    const draw = async (options: object) => {
      const { images } = await flow.sample({ count, seed: BigInt(seed), ...options })
      using drawn = images
      return await drawn.data()
    }
    const converged = await draw({ solver: 'rk45', rtol: 1e-8, atol: 1e-8 })
    const error = async (schedule: string) => {
      const values = await draw({ ...WANTED, schedule })
      return values.reduce((sum, value, i) => sum + Math.abs(value - converged[i]!) / 2, 0) / values.length
    }
    expect((await error('searched')) / mean).toBeCloseTo(1, 2)
    expect(mean).toBeLessThan(await error('karras'))

    for (const [settings, evaluations] of [
      [{ solver: 'heun', steps: 3 }, 5],
      [{ solver: 'rk4', steps: 2 }, 8],
      [{ solver: 'unipc', steps: 3 }, 3],
    ] as const) {
      const { images, nfe } = await flow.sample({ ...settings, schedule: 'searched', count: 2 })
      images.dispose()
      expect(nfe).toBe(evaluations)
    }
  })

  it('is searched once for a model in a file', async () => {
    const path = join(await temporaryFolder(), 'points.safetensors')
    using made = await tinyFlow()
    await made.save(path)
    const searches = async () => {
      using flow = await PoissonFlow.load(path)
      let searched = false
      const onSearch = () => {
        searched = true
      }
      const { images } = await flow.sample({ ...WANTED, schedule: 'searched', count: 1, onSearch })
      images.dispose()
      return searched
    }
    expect(await searches()).toBe(true)
    expect(await searches()).toBe(false)
    expect((await readdir(dirname(path))).sort()).toEqual(['points.safetensors', 'points.schedules.json'])
  })

  it('is refused where it cannot be', async () => {
    using flow = await tinyFlow()
    const searched = { schedule: 'searched' } as const
    await expect(flow.sample({ ...searched, solver: 'rk45' })).rejects.toThrow(
      'Expected no schedule for the solver rk45',
    )
    await expect(flow.sample({ ...searched, solver: 'dpm2m' })).rejects.toThrow(
      'Expected steps of a searched schedule to be an integer from 2 to 40 but received 100',
    )
    const { images } = await flow.sample({ count: 1, solver: 'euler', steps: 2 })
    using drawn = images
    const from = { z: 1, images: drawn }
    await expect(flow.sample({ ...searched, ...WANTED, from })).rejects.toThrow(
      /whose heights begin at z_max, 4/,
    )
  })

  it('ends with its signal, and frees everything', async () => {
    const before = memory().handles
    const flow = await tinyFlow()
    for (const share of [0.1, 0.4]) {
      const abort = new AbortController()
      const searching = searchSchedule(flow, WANTED, {
        signal: abort.signal,
        onProgress: (fraction) => fraction > share && abort.abort(new Error('enough')),
      })
      await expect(searching).rejects.toThrow('enough')
    }
    // What was followed is kept for the next search, as long as the model.
    flow.dispose()
    expect(memory().handles).toBe(before)
  })
})
