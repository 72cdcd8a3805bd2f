import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memory, setThreads } from '../../src/native/device.js'
import { PoissonFlow, type SampleOptions } from '../../src/poisson-flow.js'
import { multistepTable } from '../../src/tuning/multistep-table.js'
import { searchSchedule } from '../../src/tuning/schedule-search.js'
import { solverCacheOf } from '../../src/tuning/solver-cache.js'
import { bestFor, type SolverGoal } from '../../src/tuning/solver-choice.js'
import { temporaryFolders } from '../data/temporary.js'
import { tinyFlow } from '../tiny-flow.js'

const temporaryFolder = temporaryFolders()

beforeAll(async () => {
  await setThreads(1)
})

describe('the best of what was measured', () => {
  /** Few values, so that ties are common. */
  const points = fc.array(
    fc.record({
      solver: fc.constantFrom('dpm2m', 'unipc 2'),
      settings: fc.record({ steps: fc.nat(9) }),
      evaluations: fc.integer({ min: 1, max: 6 }),
      mean: fc.constantFrom(0, 0.1, 0.2, 0.3, 0.4, Number.POSITIVE_INFINITY),
      standardError: fc.constantFrom(0, 0.05, 0.1, Number.POSITIVE_INFINITY),
    }),
    { maxLength: 12 },
  )
  type Point = Parameters<typeof bestFor>[1][number]

  /** Whether a point is in order, and which of two is the better one. */
  const check = (
    goal: SolverGoal,
    measured: readonly Point[],
    reaches: (point: Point) => boolean,
    keys: readonly ('mean' | 'evaluations')[],
  ) => {
    const isBetter = (a: Point, b: Point) => {
      const key = keys.find((name) => a[name] !== b[name])
      return key !== undefined && a[key] < b[key]
    }
    const reaching = measured.filter((point) => Number.isFinite(point.mean) && reaches(point))
    if (reaching.length === 0) return expect(() => bestFor(goal, measured)).toThrow()
    const found = bestFor(goal, measured)
    expect(reaching).toContain(found)
    expect(reaching.filter((other) => isBetter(other, found))).toEqual([])
  }

  it('is the cheapest that has the error with twice its standard error, the more exact of two at the same cost', () => {
    fc.assert(
      fc.property(points, fc.constantFrom(0.05, 0.1, 0.25, 0.4), (measured, error) => {
        const reaches = ({ mean, standardError }: Point) => mean + 2 * standardError <= error
        check({ solver: 'auto', error }, measured, reaches, ['evaluations', 'mean'])
      }),
    )
  })

  it('is the most exact that takes no more evaluations, the cheaper of two with the same error', () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 1, max: 6 }), (measured, evaluations) => {
        check({ solver: 'auto', evaluations }, measured, (point) => point.evaluations <= evaluations, [
          'mean',
          'evaluations',
        ])
      }),
    )
  })

  it('is said where nothing reaches the goal, with an error that can be had', () => {
    const settings = {}
    const measured = [
      { solver: 'dpm2m karras', settings, evaluations: 7.5, mean: 0.02, standardError: 0.001 },
      { solver: 'rk45', settings, evaluations: 80, mean: 0.00103456, standardError: 0.0001 },
      { solver: 'unipc karras', settings, evaluations: 40, mean: 0.001, standardError: 0.0005 },
    ]
    expect(() => bestFor({ solver: 'auto', error: 0.001 }, measured)).toThrow(
      /^Expected error to be at least 0\.00124, .* which rk45 has at 80\.0 evaluations a sample, but received 0\.001/,
    )
    expect(bestFor({ solver: 'auto', error: 0.00124 }, measured)).toBe(measured[1])
    expect(() => bestFor({ solver: 'auto', evaluations: 7 }, measured)).toThrow(
      /^Expected evaluations to be at least 8, .* dpm2m karras has a mean error of 0\.0201, but received 7$/,
    )
  })
})

describe('the solver auto', () => {
  let flow: PoissonFlow
  beforeAll(async () => {
    flow = await tinyFlow()
  })
  afterAll(() => flow.dispose())

  /** Its choice, and whether it was measured for it. */
  async function choose(model: PoissonFlow, options: SampleOptions) {
    let measured = false
    const onSearch = () => {
      measured = true
    }
    const { images, nfe, chosen } = await model.sample({ solver: 'auto', count: 1, onSearch, ...options })
    images.dispose()
    return { chosen: chosen!, nfe, measured }
  }

  it('has the evaluations and the error that are stated', async () => {
    const { chosen } = await choose(flow, { evaluations: 8 })
    const { count, mean, standardError, evaluations, settings } = chosen
    const seed = BigInt(chosen.seed)
    const draw = async (options: SampleOptions) => {
      const { images, nfe } = await flow.sample({ count, seed, ...options })
      using drawn = images
      return { values: await drawn.data(), nfe }
    }
    const { values: converged } = await draw({ solver: 'rk45', rtol: 1e-7, atol: 1e-7 }) // as the comparison's
    const error = async (options: SampleOptions) => {
      const { values, nfe } = await draw(options)
      const size = values.length / count
      const ofSample = new Array<number>(count).fill(0)
      for (const [i, value] of values.entries())
        ofSample[Math.floor(i / size)]! += Math.abs(value - converged[i]!) / 2 / size
      const average = ofSample.reduce((sum, value) => sum + value, 0) / count
      const squares = ofSample.reduce((sum, value) => sum + (value - average) ** 2, 0)
      return { mean: average, standardError: Math.sqrt(squares / (count - 1) / count), nfe }
    }
    const figures = { mean: expect.closeTo(mean, 8), standardError: expect.closeTo(standardError, 8) }
    const stated = { ...figures, nfe: evaluations }
    expect(await error({ solver: 'auto', evaluations: 8 })).toEqual(stated)
    expect(await error(settings)).toEqual(stated)
    expect(evaluations).toBeLessThanOrEqual(8)
    expect(await error({ solver: 'euler', steps: 8, schedule: 'karras' })).toMatchObject({ nfe: 8 })
    expect((await error({ solver: 'euler', steps: 8, schedule: 'karras' })).mean).toBeGreaterThan(mean)

    const cheapest = await choose(flow, { error: mean + 2 * standardError })
    expect(cheapest.chosen.mean).toBeLessThanOrEqual(mean + 2 * standardError)
    expect(cheapest.chosen.evaluations).toBeLessThanOrEqual(evaluations)
  })

  it('is measured once for a model in a file, and anew where the model has changed', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'points.safetensors')
    for (const [name, seed] of [
      ['points', 1],
      ['others', 2],
    ] as const) {
      using made = await tinyFlow(seed)
      await made.save(join(folder, `${name}.safetensors`))
    }
    const chooseFromFile = async (options: SampleOptions) => {
      using model = await PoissonFlow.load(path)
      return await choose(model, options)
    }
    const first = await chooseFromFile({ evaluations: 10 })
    expect(first.measured).toBe(true)
    expect(await chooseFromFile({ evaluations: 10 })).toEqual({ ...first, measured: false })
    expect((await chooseFromFile({ error: 0.5 })).measured).toBe(false)
    await copyFile(join(folder, 'others.safetensors'), path)
    const changed = await chooseFromFile({ evaluations: 10 })
    expect(changed.measured).toBe(true)
    expect(changed.chosen.mean).not.toBe(first.chosen.mean)
  })

  it('takes a schedule that was searched', async () => {
    const wanted = { solver: 'unipc', steps: 3 } as const
    await expect(choose(flow, { evaluations: 3 })).rejects.toThrow(
      /^Expected evaluations to be at least \d+, .* but received 3$/,
    )
    const { mean, standardError, count, seed } = await searchSchedule(flow, wanted)
    const { chosen, nfe } = await choose(flow, { evaluations: 3 })
    const settings = { ...wanted, order: 2, schedule: 'searched' }
    expect(chosen).toEqual({
      solver: 'unipc 2 searched',
      settings,
      evaluations: 3,
      mean,
      standardError,
      count,
      seed,
    })
    expect(nfe).toBe(3)
  })

  it('is refused without one goal, with settings of its own, and away from z_max', async () => {
    for (const [options, message] of [
      [{ solver: 'auto' }, 'Expected either error or evaluations with the solver auto but received neither'],
      [{ solver: 'auto', error: 0.1, evaluations: 9 }, 'but received both'],
      [{ error: 0.1 }, 'Expected error to be given with the solver auto only but received 0.1 without it'],
      [{ solver: 'euler', evaluations: 9 }, 'Expected evaluations to be given with the solver auto only'],
      [{ solver: 'auto', error: 0.1, steps: 9 }, 'Expected no steps with the solver auto'],
      [
        {
          solver: 'auto',
          error: 0.1,
          solverTable: await multistepTable(flow, { solver: 'dpm2m', steps: 2 }),
        },
        'Expected no solverTable with the solver auto',
      ],
      [{ solver: 'auto', error: 0 }, 'Expected error to be a number from 1e-9 to 1 but received 0'],
      [{ solver: 'auto', evaluations: 1.5 }, 'Expected evaluations to be an integer'],
    ] as const satisfies [SampleOptions, string][]) {
      await expect(flow.sample(options)).rejects.toThrow(message)
    }
    const { images } = await flow.sample({ count: 1, solver: 'euler', steps: 2 })
    using drawn = images
    await expect(choose(flow, { error: 0.1, from: { z: 1, images: drawn } })).rejects.toThrow(
      /^Expected solver to be named for paths from height 1 but received auto, .* z_max, 4$/,
    )
  })

  it('ends with its signal, and frees and keeps nothing', async () => {
    using fresh = await tinyFlow()
    const before = memory().handles
    const abort = new AbortController()
    const onSearch = (fraction: number) => fraction > 0.3 && abort.abort(new Error('enough'))
    await expect(
      fresh.sample({ solver: 'auto', error: 0.1, signal: abort.signal, onSearch }),
    ).rejects.toThrow('enough')
    expect(memory().handles).toBe(before)
    expect((await solverCacheOf(fresh).content()).comparison).toBeUndefined()
  })
})
