import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { memory } from '../../../src/native/device.js'
import type { SolverSettings } from '../../../src/ode/solver-options.js'
import type { PoissonFlow, SampleOptions } from '../../../src/poisson-flow.js'
import { jumpingFlow } from '../../gaussians-flow.js'
import { pointsFlow } from '../points-flow.js'
import { rowsOfCalls } from '../rows-of-calls.js'

const flows = new Map<string, PoissonFlow>()

beforeAll(async () => {
  flows.set('points', await pointsFlow())
  flows.set('a drift that jumps', await jumpingFlow())
})

afterEach(() => vi.restoreAllMocks())

async function draw(flow: string, options: SampleOptions) {
  const { images, evaluations, status } = await flows.get(flow)!.sample(options)
  using drawn = images
  return { values: await drawn.data(), evaluations, status }
}

const SOLVERS: SolverSettings[] = [
  { solver: 'rk45' },
  { solver: 'tsit5', controller: 'pi', rtol: 1e-3, atol: 1e-3 },
  { solver: 'bs23' },
  { solver: 'rk4', steps: 4 },
  { solver: 'heun', steps: 5, schedule: 'karras' },
  { solver: 'euler', steps: 7 },
  { solver: 'dpm2m', steps: 12 },
  { solver: 'dpm3m', steps: 9, schedule: 'uniform' },
  { solver: 'unipc', steps: 8 },
  { solver: 'ipndm', steps: 11, order: 4 },
  { solver: 'deis', steps: 6 },
  { solver: 'adaptive-unipc', rtol: 0.05, atol: 0.01 },
]

interface Request {
  solver: SolverSettings
  count: number
  seed: number
  batchSize: number
  maxEvaluations: number | undefined
  /** Turns of the event loop until it begins. */
  delay: number
  /** Evaluations after which it is aborted. */
  abortAfter: number | undefined
  /** Whether it looks at its denoised images, and takes its time over it. */
  looks: boolean
}

const integer = (min: number, max: number) => fc.integer({ min, max })
const requests: fc.Arbitrary<Request[]> = fc.array(
  fc.record({
    solver: fc.constantFrom(...SOLVERS),
    count: integer(1, 6),
    seed: integer(0, 20),
    batchSize: integer(1, 5),
    maxEvaluations: fc.option(integer(2, 40), { nil: undefined, freq: 2 }),
    delay: integer(0, 60),
    abortAfter: fc.option(integer(0, 60), { nil: undefined, freq: 3 }),
    looks: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
)

function optionsOf({ solver, count, seed, batchSize, maxEvaluations, looks }: Request): SampleOptions {
  return {
    ...solver,
    count,
    seed,
    batchSize,
    ...(maxEvaluations === undefined ? {} : { maxEvaluations }),
    ...(looks && { onDenoised: () => setImmediate(undefined) }),
  }
}

/** Follows a request; where it is aborted, the evaluations until then. */
async function follow(flow: string, request: Request) {
  for (let turn = 0; turn < request.delay; turn++) await setImmediate()
  const abort = new AbortController()
  let spent = 0
  try {
    const drawn = await draw(flow, {
      ...optionsOf(request),
      signal: abort.signal,
      onProgress({ evaluations }) {
        spent = evaluations
        if (request.abortAfter !== undefined && evaluations > request.abortAfter) abort.abort()
      },
    })
    return { drawn, spent }
  } catch (error) {
    if (!abort.signal.aborted) throw error
    return { drawn: undefined, spent }
  }
}

const known = new Map<string, ReturnType<typeof draw>>()
/** Sample i of a request as it is when there is no other. */
function alone(flow: string, request: Request, i: number) {
  const { solver, maxEvaluations } = request
  const one = { ...request, solver, maxEvaluations, count: 1, seed: request.seed + i, looks: false }
  const key = JSON.stringify([flow, solver, one.seed, maxEvaluations])
  if (!known.has(key)) known.set(key, draw(flow, optionsOf(one)))
  return known.get(key)!
}

describe('the pool', () => {
  it.each([
    ['points', 40],
    ['a drift that jumps', 15],
  ])(
    '%s: gives each sample what it gets alone, to the bit, whoever comes and goes, and evaluates none that is done',
    async (flow, numRuns) => {
      await fc.assert(
        fc.asyncProperty(requests, async (several) => {
          const before = memory().handles
          const rows = rowsOfCalls()
          const ends = await Promise.all(several.map((request) => follow(flow, request)))
          vi.restoreAllMocks()
          expect(rows.reduce((sum, each) => sum + each, 0)).toBe(
            ends.reduce((sum, { spent }) => sum + spent, 0),
          )
          expect(memory().handles).toBe(before)
          for (const [at, { drawn, spent }] of ends.entries()) {
            if (!drawn) continue
            expect(drawn.evaluations.reduce((sum, each) => sum + each, 0)).toBe(spent)
            for (const [i, status] of drawn.status.entries()) {
              const { values, evaluations, status: statusAlone } = await alone(flow, several[at]!, i)
              expect(drawn.values.subarray(2 * i, 2 * i + 2)).toEqual(values)
              expect([drawn.evaluations[i], status]).toEqual([evaluations[0], statusAlone[0]])
            }
          }
        }),
        { numRuns },
      )
    },
  )
})
