import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { PfgmError } from '../../src/errors.js'
import { setThreads } from '../../src/native/device.js'
import { deis, ipndm } from '../../src/ode/multistep-methods/adams-bashforth.js'
import { DPM_SOLVER_2M, DPM_SOLVER_3M, unipc } from '../../src/ode/multistep-methods/dpm-solver.js'
import type { MultistepMethod } from '../../src/ode/multistep-methods/multistep-method.js'
import {
  checkedTable,
  type MultistepTable,
  tableMethod,
  tableOf,
} from '../../src/ode/multistep-methods/table.js'
import type { SolverSettings } from '../../src/ode/solver-options.js'
import type { PoissonFlow, SampleOptions } from '../../src/poisson-flow.js'
import { multistepTable, readMultistepTable } from '../../src/tuning/multistep-table.js'
import { temporaryFolders } from '../data/temporary.js'
import { tinyFlow } from '../tiny-flow.js'

const temporaryFolder = temporaryFolders()

beforeAll(async () => {
  await setThreads(1)
})

async function draw(flow: PoissonFlow, options: SampleOptions): Promise<number[]> {
  const { images } = await flow.sample({ count: 5, seed: 3, ...options })
  using drawn = images
  return [...(await drawn.data())]
}

async function written(content: string): Promise<string> {
  const path = join(await temporaryFolder(), 'table.json')
  await writeFile(path, content)
  return path
}

describe('the table of a multistep solver', () => {
  const settings: SolverSettings[] = [
    ...(['dpm2m', 'dpm3m', 'unipc', 'ipndm', 'deis'] as const).flatMap((solver) =>
      [1, 2, 7].map((steps) => ({ solver, steps })),
    ),
    { solver: 'unipc', order: 3, steps: 6, schedule: 'uniform' },
    { solver: 'ipndm', order: 4, steps: 9, rho: 5 },
    { solver: 'deis', order: 1, steps: 4 },
    { solver: 'dpm2m', schedule: 'searched', steps: 3 },
  ]
  it.each(settings)(
    'gives the samples of $solver, $steps steps, to the bit, through a file',
    async (named) => {
      using flow = await tinyFlow()
      const table = await multistepTable(flow, named)
      const solverTable = await readMultistepTable(await written(JSON.stringify(table)))
      expect(await draw(flow, { solverTable })).toEqual(await draw(flow, named))
    },
  )

  it('has the weights of any method along any heights, to the last bit of float64', () => {
    const methods: MultistepMethod[] = [DPM_SOLVER_2M, DPM_SOLVER_3M, unipc('unipc', 3), ipndm(4), deis(4)]
    const ladder = fc
      .array(fc.double({ min: 0.01, max: 3, noNaN: true }), { minLength: 1, maxLength: 8 })
      .map((gaps) => {
        const heights = [40]
        for (const gap of gaps) heights.push(heights.at(-1)! * Math.exp(-gap))
        return heights
      })
    fc.assert(
      fc.property(fc.constantFrom(...methods), ladder, (method, heights) => {
        const table = tableMethod(checkedTable(JSON.parse(JSON.stringify(tableOf(method, heights))), 'it'))
        const last = heights.length - 2
        for (const [i, from] of heights.slice(0, -1).entries()) {
          const to = heights[i + 1]!
          const known = heights.slice(Math.max(0, i + 1 - method.order), i + 1).reverse()
          expect(table.weights(from, to, known)).toEqual(method.weights(from, to, known))
          if (!method.corrects || i === last) continue
          expect(table.weights(from, to, [to, ...known])).toEqual(method.weights(from, to, [to, ...known]))
        }
      }),
    )
  })

  it('may weigh as many known values as are kept', async () => {
    using flow = await tinyFlow()
    const euler = await multistepTable(flow, { solver: 'deis', order: 1, steps: 70 })
    const longer = (known: number) => (step: MultistepTable['steps'][number], i: number) => ({
      ...step,
      ofKnown: Array.from({ length: Math.min(i + 1, known) }, (_, j) => step.ofKnown[j] ?? 0),
    })
    const padded = { ...euler, steps: euler.steps.map(longer(63)) }
    expect(await draw(flow, { solverTable: padded })).toEqual(await draw(flow, { solverTable: euler }))
    const tooMany = { ...euler, steps: euler.steps.map(longer(64)) }
    await expect(flow.sample({ solverTable: tooMany })).rejects.toThrow(
      'Expected steps[63].ofKnown of solverTable to be 1 to 63 weights, of values known there, but received 64',
    )
  })

  it('may have steps of lower order than others', async () => {
    using flow = await tinyFlow()
    const [low, high] = await Promise.all(
      [1, 3].map((order) => multistepTable(flow, { solver: 'deis', order, steps: 5 })),
    )
    const steps = high!.steps.map((step, i) => (i < 4 ? step : low!.steps[i]!))
    const zeros = steps.map((step, i) => (i < 4 ? step : { ...step, ofKnown: [step.ofKnown[0]!, 0, 0] }))
    const mixed = await draw(flow, { solverTable: { ...high!, steps } })
    expect(mixed).toEqual(await draw(flow, { solverTable: { ...high!, steps: zeros } }))
    expect(mixed).not.toEqual(await draw(flow, { solverTable: high! }))
  })

  it('is filmed between its heights, where the path of a first-order method is a line', async () => {
    using flow = await tinyFlow()
    const euler = { solver: 'deis', order: 1, steps: 3 } as const
    const film = { frames: 9, of: 'state' } as const
    const frames = async (options: SampleOptions) => {
      const drawn = await flow.sample({ count: 2, film, ...options })
      drawn.images.dispose()
      using images = drawn.film!.images
      return images.data()
    }
    const expected = await frames(euler)
    const came = await frames({ solverTable: await multistepTable(flow, euler) })
    const worst = came.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
    expect(worst).toBeLessThan(1e-5) // of states of about 10 in float32
  })

  it('can be had of no other solver', async () => {
    using flow = await tinyFlow()
    for (const solver of ['rk45', 'heun', 'adaptive-unipc'] as const) {
      await expect(multistepTable(flow, { solver })).rejects.toThrow(
        `Expected solver to be a multistep method along given heights but received ${solver}`,
      )
    }
  })

  it('stands alone, and for its path', async () => {
    using flow = await tinyFlow()
    const solverTable = await multistepTable(flow, { solver: 'dpm2m', steps: 4 })
    for (const [name, value] of [
      ['solver', 'dpm2m'],
      ['steps', 4],
      ['rtol', 0.1],
      ['controller', 'constant'],
    ] as const) {
      await expect(flow.sample({ solverTable, [name]: value })).rejects.toThrow(
        `Expected ${name} to be left to solverTable, which sets it, but received`,
      )
    }
    const { images } = await flow.sample({ solverTable, count: 2 })
    using drawn = images
    await expect(flow.sample({ solverTable, from: { z: 1, images: drawn } })).rejects.toThrow(
      'Expected solverTable to lead from height 1 to 0.001, as the path does, but received one from 4 to 0.001',
    )
    const nearer = { ...solverTable, heights: [...solverTable.heights.slice(0, -1), 0.002] }
    await expect(flow.sample({ solverTable: nearer })).rejects.toThrow(
      'Expected solverTable to lead from height 4 to 0.001, as the path does, but received one from 4 to 0.002',
    )
  })
})

describe('a file that is not a table', () => {
  const TABLE = {
    view: 'denoised',
    heights: [4, 1, 0.5],
    steps: [
      { ofX: 0.25, ofKnown: [0.75], correction: { ofX: 0.25, ofKnown: [0.5, 0.25] } },
      { ofX: 0.5, ofKnown: [0.75, -0.25] },
    ],
  }
  const [first, last] = TABLE.steps as [object, object]
  const wrong: [string, unknown][] = [
    ['to be an object of view, heights and steps but received null', null],
    ['to be an object of view, heights and steps but received an array of 1', [TABLE]],
    ['to be an object of view, heights and steps but received one with "order"', { ...TABLE, order: 2 }],
    ['view of .* to be denoised or height but received "noise" \\(string\\)', { ...TABLE, view: 'noise' }],
    ['heights of .* to be 2 to 100001 but received 1', { ...TABLE, heights: [4] }],
    [
      'heights\\[1\\] of .* to be above 0 and below the height before it, 4, but received 4',
      { ...TABLE, heights: [4, 4, 0.5] },
    ],
    [
      'heights\\[2\\] of .* to be above 0 and below the height before it, 1, but received 0',
      { ...TABLE, heights: [4, 1, 0] },
    ],
    [
      'heights\\[0\\] of .* to be a finite number but received "4" \\(string\\)',
      { ...TABLE, heights: ['4', 1] },
    ],
    ['steps of .* to be 2, one less than its heights, but received 1', { ...TABLE, steps: [first] }],
    [
      'steps\\[1\\]\\.ofX of .* to be a finite number but received undefined',
      { ...TABLE, steps: [first, { ofKnown: [1] }] },
    ],
    [
      'steps\\[1\\]\\.ofKnown\\[0\\] of .* to be a finite number but received null',
      { ...TABLE, steps: [first, { ofX: 1, ofKnown: [Number.NaN] }] },
    ],
    [
      'steps\\[0\\]\\.ofKnown of .* to be 1 weight, of values known there, but received 2',
      { ...TABLE, steps: [{ ...first, ofKnown: [1, 2] }, last] },
    ],
    [
      'steps\\[1\\]\\.ofKnown of .* to be 1 to 2 weights, of values known there, but received 0',
      { ...TABLE, steps: [first, { ofX: 1, ofKnown: [] }] },
    ],
    [
      'steps\\[0\\]\\.correction\\.ofKnown of .* to be 1 to 2 weights, of values known there, but received 3',
      { ...TABLE, steps: [{ ...first, correction: { ofX: 1, ofKnown: [1, 2, 3] } }, last] },
    ],
    [
      'a correction in all of the steps of .* but the last, or in none, but received steps\\[1\\] with one',
      { ...TABLE, steps: [first, { ...last, correction: { ofX: 1, ofKnown: [1] } }] },
    ],
  ]
  it.each(wrong)('is refused: Expected %s', async (message, content) => {
    const reading = readMultistepTable(await written(JSON.stringify(content)))
    await expect(reading).rejects.toThrow(new RegExp(`^Expected (.*table\\.json )?${message}$`))
    await expect(reading).rejects.toMatchObject({ name: 'PfgmError', code: 'ERR_PFGM_DATA' })
  })

  it('is refused where it is not there, or no JSON', async () => {
    await expect(readMultistepTable('/nowhere/table.json')).rejects.toThrow('there is no such path')
    const path = await written('{"view": "denoised", ')
    await expect(readMultistepTable(path)).rejects.toThrow(`${path}: expected JSON but received`)
    expect(await readMultistepTable(await written(JSON.stringify(TABLE)))).toEqual(TABLE)
  })

  it('is refused with a short message, whatever it holds', async () => {
    const path = await written('')
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 4 }), async (json) => {
        await writeFile(path, json)
        const error = await readMultistepTable(path).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        expect(error).toBeInstanceOf(PfgmError)
        expect((error as PfgmError).message).toMatch(/^Expected .* to be .* but received .{1,100}$/)
      }),
    )
  })

  it('is refused with the place of whatever is damaged in it', () => {
    /** Every place in a value. */
    const places = (value: unknown): (string | number)[][] =>
      typeof value !== 'object' || value === null
        ? [[]]
        : [[], ...Object.keys(value).flatMap((key) => inside(value as Record<string, unknown>, key))]
    const inside = (value: Record<string, unknown>, key: string) =>
      places(value[key]).map((rest) => [Array.isArray(value) ? Number(key) : key, ...rest])
    const junk = fc.oneof(
      fc.constantFrom<unknown>(null, 'x'.repeat(1000), {}, Number.NaN, Number.POSITIVE_INFINITY, true, [[]]),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.constantFrom(...places(TABLE)), junk, (path, value) => {
        const damaged = put(TABLE, path, value)
        const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')
        let message = ''
        try {
          checkedTable(damaged, 'it')
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          message = (error as Error).message
        }
        expect(message).toContain(`Expected ${place.slice(1)}`)
        expect(message.length).toBeLessThan(250)
      }),
    )
  })
})

/** A copy of a value with another at a place in it. */
function put(value: unknown, [key, ...rest]: readonly (string | number)[], other: unknown): unknown {
  if (key === undefined) return other
  if (Array.isArray(value)) return value.map((entry, i) => (i === key ? put(entry, rest, other) : entry))
  const object = value as Record<string, unknown>
  return { ...object, [key]: put(object[key], rest, other) }
}
