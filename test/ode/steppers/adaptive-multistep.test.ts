import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Combination, Evaluation, RowCombination, SquareSum } from '../../../src/native/addon.js'
import { unipc } from '../../../src/ode/multistep-methods/dpm-solver.js'
import type { Row } from '../../../src/ode/pool/row.js'
import { ADAPTIVE_DAMPING, type AdaptiveMultistepSolver } from '../../../src/ode/solver.js'
import { AdaptiveMultistep } from '../../../src/ode/steppers/adaptive-multistep.js'
import { heightAfter, stepWithinTolerance } from '../../../src/ode/steppers/multistep-step.js'
import { pathBetween } from '../../../src/ode/steppers/path.js'
import type { Stepper, Trajectories } from '../../../src/ode/steppers/stepper.js'
import { HEIGHT } from '../../../src/ode/variable.js'

const [TOP, BOTTOM] = [25, 1e-3]

/** Gaussian data with a mean and a standard deviation a coordinate; below the jump, if any, with others. */
interface Gaussian {
  readonly mean: readonly number[]
  readonly deviation: readonly number[]
}
interface Problem {
  readonly above: Gaussian
  readonly below: Gaussian
  readonly jump?: number
  /** Whether an evaluation gives what both formulas say near the jump; as flows do unless said. */
  readonly bothSides?: boolean
  readonly start: readonly number[]
  /** The height that it is at. */
  readonly from?: number
}

const denoised = ({ mean, deviation }: Gaussian, x: readonly number[], z: number): number[] =>
  x.map((value, c) => mean[c]! + ((value - mean[c]!) * deviation[c]! ** 2) / (deviation[c]! ** 2 + z ** 2))

/** x - mean grows as sqrt(deviation^2 + z^2). */
const along = ({ mean, deviation }: Gaussian, x: readonly number[], from: number, to: number): number[] =>
  x.map((value, c) => {
    const growth = Math.sqrt((deviation[c]! ** 2 + to ** 2) / (deviation[c]! ** 2 + from ** 2))
    return mean[c]! + (value - mean[c]!) * growth
  })

function exact({ above, below, jump = 0, start, from = TOP }: Problem): number[] {
  const border = Math.min(Math.max(jump, BOTTOM), from)
  return along(below, along(above, start, from, border), border, BOTTOM)
}

/** What a stepper sees of its samples, over plain arrays. */
class PlainPool implements Trajectories {
  readonly ended = new Map<number, number[]>()
  evaluations = 0
  rows: Row[]
  #states: number[][]
  #slots: number[][][] = []
  readonly #problem: Problem

  constructor(problem: Problem, starts: readonly (readonly number[])[], stepper: Stepper) {
    this.#problem = problem
    this.#states = starts.map((start) => [...start])
    const { from = TOP } = problem
    const fresh = { time: from, taken: 0, evaluatedAt: from, filmed: 0 }
    this.rows = starts.map((_, sample) => ({ ...fresh, state: stepper.fresh(), sample }))
    this.#slots = Array.from({ length: stepper.slots }, () => this.#states.map((x) => x.map(() => 0)))
  }

  #combine(y: Combination | RowCombination): number[][] {
    const slots = this.#slots.length
    return this.#states.map((x, i) => {
      const ofX = typeof y.ofX === 'number' ? y.ofX : y.ofX[i]!
      const ofK = typeof y.ofX === 'number' ? y.ofK : y.ofK.slice(i * slots, (i + 1) * slots)
      return x.map((value, c) =>
        this.#slots.reduce((sum, slot, j) => sum + (ofK[j] ?? 0) * slot[i]![c]!, ofX * value),
      )
    })
  }

  async film(): Promise<void> {}

  async evaluate({ slot, otherSide, y, heights }: Omit<Evaluation, 'pool'>): Promise<void> {
    const { above, below, jump = 0 } = this.#problem
    this.evaluations += heights.length
    const states = this.#combine(y)
    const seenFrom = (side: (z: number) => Gaussian) =>
      states.map((x, i) => denoised(side(heights[i]!), x, heights[i]!))
    this.#slots[slot] = seenFrom((z) => (z < jump ? below : above))
    if (otherSide !== undefined) this.#slots[otherSide] = seenFrom((z) => (z < jump ? above : below))
  }

  async assign(targets: readonly number[], values: readonly RowCombination[]): Promise<void> {
    const next = values.map((value) => this.#combine(value))
    for (const [j, target] of targets.entries()) {
      if (target === -1) this.#states = next[j]!
      else this.#slots[target] = next[j]!
    }
  }

  async norms(_: unknown, sums: readonly SquareSum[]): Promise<Float64Array[]> {
    const norm = (row: number[]) => Math.hypot(...row) / Math.sqrt(row.length)
    return sums.map(({ y }) => Float64Array.from(this.#combine(y), norm))
  }

  async move(y: RowCombination, _: Float64Array, moved: Uint8Array): Promise<void> {
    const next = this.#combine(y)
    this.#states = this.#states.map((x, i) => (moved[i] ? next[i]! : x))
  }

  arrive(row: Row, time: number): void {
    row.time = time
  }

  reject(): void {
    throw new Error('no step is rejected')
  }

  async retire(places: readonly number[]): Promise<void> {
    for (const i of places) this.ended.set(this.rows[i]!.sample, this.#states[i]!)
    const stays = (_: unknown, i: number) => !places.includes(i)
    this.rows = this.rows.filter(stays)
    this.#states = this.#states.filter(stays)
    this.#slots = this.#slots.map((slot) => slot.filter(stays))
  }

  async lose(places: readonly number[], what: string): Promise<void> {
    if (places.length > 0) throw new Error(what)
  }
}

async function solve(problem: Problem, rtol: number, order = 2, starts = [problem.start]) {
  const method = unipc('adaptive-unipc', order, ADAPTIVE_DAMPING)
  const solver: AdaptiveMultistepSolver = {
    kind: 'adaptiveMultistep',
    method,
    between: unipc('adaptive-unipc', order),
    variable: HEIGHT,
    rtol,
    atol: 0.3 * rtol,
  }
  const { from = TOP, jump } = problem
  const sides = jump === undefined ? undefined : { height: jump, bothSides: problem.bothSides ?? true }
  const stepper: Stepper = new AdaptiveMultistep(
    pathBetween(from, BOTTOM, HEIGHT, { ...(sides && { jump: sides }) }),
    solver,
  )
  const pool = new PlainPool(problem, starts, stepper)
  await stepper.begin(pool, 0)
  while (pool.rows.length > 0) await stepper.step(pool)
  const reached = pool.ended.get(0)!
  const wanted = exact(problem)
  const error = Math.hypot(...reached.map((value, c) => value - wanted[c]!)) / Math.sqrt(reached.length)
  return { reached, error, evaluations: pool.evaluations }
}

const SIZE = 6
const list = (min: number, max: number) =>
  fc.array(fc.double({ min, max, noNaN: true }), { minLength: SIZE, maxLength: SIZE })
const gaussian = (smallest: number) => fc.record({ mean: list(-1, 1), deviation: list(smallest, 1) })
// A start at the data's middle stays there, in as many steps at any tolerance.
const starts = list(-60, 60).filter((start) => Math.hypot(...start) > 10)
const smooth: fc.Arbitrary<Problem> = fc
  .record({ data: gaussian(0.3), start: starts })
  .map(({ data, start }) => ({ above: data, below: data, start }))
const jumping: fc.Arbitrary<Problem> = fc
  .record({
    above: gaussian(0.3),
    below: gaussian(0.3),
    jump: fc.double({ min: 0.5, max: 5, noNaN: true }),
    start: starts,
  })
  // Above the jump the data look far away, so that d is far from that of below.
  .map((problem) => ({
    ...problem,
    above: { ...problem.above, mean: problem.above.mean.map((m) => 20 * m) },
  }))

describe('adaptive multistep', () => {
  // The most that errors over the tolerance were on a thousand problems is 2, and 11 with a jump.
  const kinds: [string, fc.Arbitrary<Problem>, number][] = [
    ['smooth', smooth, 4],
    ['jumping', jumping, 25],
  ]
  it.each(kinds)(
    'on random %s linear problems the error falls as the tolerance does',
    async (_, problems, most) => {
      await fc.assert(
        fc.asyncProperty(problems, fc.constantFrom(1, 2, 3), async (problem, order) => {
          const spent: number[] = []
          for (const rtol of [0.05, 0.005, 0.0005]) {
            const { error, evaluations } = await solve(problem, rtol, order)
            expect(error).toBeLessThan(most * rtol)
            spent.push(evaluations)
          }
          expect(spent).toEqual([...new Set(spent)].sort((a, b) => a - b))
        }),
      )
    },
  )

  it('takes about as many steps from just above the jump as from just below', async () => {
    await fc.assert(
      fc.asyncProperty(jumping, fc.double({ min: -15, max: -2, noNaN: true }), async (problem, exponent) => {
        const { jump = 0 } = problem
        const from = (height: number) => solve({ ...problem, from: height }, 0.005, 3)
        const below = await from(jump * (1 - 1e-9))
        const above = await from(jump * (1 + 10 ** exponent))
        expect(above.evaluations).toBeLessThan(below.evaluations + 8)
      }),
    )
  })

  it('does not break down on data that are thin in some directions', async () => {
    const thin = gaussian(1e-4).map((data) => ({
      ...data,
      deviation: data.deviation.map((s, c) => (c % 2 ? s : 1e-4)),
    }))
    await fc.assert(
      fc.asyncProperty(thin, starts, async (data, start) => {
        const { error, evaluations } = await solve({ above: data, below: data, start }, 0.05)
        expect(error).toBeLessThan(0.1)
        expect(evaluations).toBeLessThan(60)
      }),
    )
  })

  it('a path is the same alone and with strangers, who have steps of their own', async () => {
    await fc.assert(
      fc.asyncProperty(
        jumping,
        fc.array(starts, { minLength: 1, maxLength: 5 }),
        async (problem, strangers) => {
          const alone = await solve(problem, 0.03)
          const among = await solve(problem, 0.03, 2, [problem.start, ...strangers])
          expect(among.reached).toEqual(alone.reached)
        },
      ),
    )
  })
})

describe('the size of a multistep step', () => {
  const size = fc.double({ min: 0.01, max: 0.3, noNaN: true })

  it('is the longest within the tolerance, and from a tenth to three times the last one', () => {
    const change = fc.double({ min: 1e-3, max: 1e3, noNaN: true })
    fc.assert(
      fc.property(change, fc.option(change, { nil: undefined }), size, (first, second, last) => {
        const step = stepWithinTolerance({ first, second }, 1.5, last)
        let longest = 0.1 * last
        for (let h = longest; h <= 3 * last; h += last / 1000) {
          // Means over the step of Newton's terms, first s and second s (s + last).
          const terms = [(h / 2) * first]
          if (second !== undefined) terms.push((h ** 2 / 3 + (h * last) / 2) * second)
          const product = terms.reduce((all, term) => all * (1 - Math.exp(-h)) * term, 1)
          if (product <= 1) longest = h
        }
        expect(Math.abs(step - longest)).toBeLessThan(0.002 * last)
      }),
    )
  })

  it('leads to a stop in whole steps', () => {
    fc.assert(
      fc.property(size, fc.double({ min: 1.001, max: 100, noNaN: true }), (step, ratio) => {
        let height = ratio
        let taken = 0
        for (; height !== 1; taken++) height = heightAfter(height, step, 1)
        expect(taken - Math.log(ratio) / step).toBeGreaterThan(-1e-9)
        expect(taken - Math.log(ratio) / step).toBeLessThan(1 + 1e-9)
      }),
    )
  })
})
