import type { Combination } from '../../native/addon.js'
import type { Pool, Row } from '../pool/pool.js'
import type { AdaptiveSteps, RungeKuttaSolver } from '../solver.js'
import type { Tableau } from '../tableaus/tableau.js'
import { IDENTITY } from './combination.js'
import { denseWeights } from './dense-output.js'
import type { Stepper } from './stepper.js'

/** Steps of a Runge-Kutta method, along given heights or as their error asks for. */
export class RungeKutta implements Stepper {
  readonly slots: number
  readonly evaluationsPerStep: number
  readonly #pool: Pool
  readonly #solver: RungeKuttaSolver
  readonly #proposed: number[] = []

  constructor(pool: Pool, solver: RungeKuttaSolver) {
    this.#pool = pool
    this.#solver = solver
    const { b, firstSameAsLast } = solver.tableau
    // The first step's size needs a second drift, whatever the method.
    this.slots = Math.max(b.length, 2)
    this.evaluationsPerStep = b.length - (firstSameAsLast ? 1 : 0)
  }

  async begin(first: number): Promise<void> {
    const { tableau, steps } = this.#solver
    if (tableau.firstSameAsLast) await this.#evaluate(0, IDENTITY, 0, first)
    if (steps.kind === 'adaptive') await this.#chooseFirstSteps(steps, first)
  }

  async step(): Promise<void> {
    const { tableau, steps, variable, lastStep } = this.#solver
    if (steps.kind === 'fixed') {
      for (const row of this.#pool.rows) row.step = variable.toTime(steps.heights[row.taken + 1]!) - row.time
    } else {
      await this.#fitSteps()
      if (this.#pool.rows.length === 0) return
    }
    if (!tableau.firstSameAsLast) await this.#evaluate(0, IDENTITY, 0)
    if (lastStep) {
      await this.#advance(lastStep, (row) => this.#reachesEnd(row))
      if (this.#pool.rows.length === 0) return
    }
    for (let i = 1; i < tableau.b.length; i++) {
      await this.#evaluate(i, { ofX: 1, ofK: tableau.a[i]! }, tableau.c[i]!)
    }
    if (steps.kind === 'fixed') {
      await this.#advance(tableau, () => true)
    } else {
      const accepted = await this.#judge(steps)
      await this.#advance(tableau, (_, i) => accepted[i] === 1)
    }
  }

  /** k_slot at x + h sum_j y_j k_j and t + c h, for the rows from `first` on. */
  async #evaluate(slot: number, y: Combination, c: number, first = 0): Promise<void> {
    const { view, toHeight } = this.#solver.variable
    const rows = this.#pool.rows.slice(first)
    const steps = Float64Array.from(rows, (row) => row.step)
    const heights = Float64Array.from(rows, (row) => toHeight(row.time + c * row.step))
    await this.#pool.evaluate({ slot, view, y, steps, heights, first })
  }

  async #norm(
    steps: AdaptiveSteps,
    y: Combination,
    next: Combination | undefined,
    sizes: Float64Array,
    c: readonly number[],
  ): Promise<Float64Array> {
    const { toHeight } = this.#solver.variable
    const squares = Float64Array.from(this.#pool.rows, (row, i) => {
      const stages = c.map((fraction) => toHeight(row.time + fraction * row.step))
      return heightSquare(steps, y, next, sizes[i]!, stages)
    })
    return this.#pool.norm(steps, y, next, sizes, squares)
  }

  /** Hairer, Norsett and Wanner, II.4: a first step from the sizes of the state, its drift and the drift's change. */
  async #chooseFirstSteps(steps: AdaptiveSteps, first: number): Promise<void> {
    const { rows, direction, end } = this.#pool
    const { embedded, c } = this.#solver.tableau
    const order = embedded?.order ?? 1
    const ones = new Float64Array(rows.length).fill(1)
    const d0 = await this.#norm(steps, IDENTITY, undefined, ones, c)
    const d1 = await this.#norm(steps, { ofX: 0, ofK: [1] }, undefined, ones, c)
    const fresh = rows.slice(first)
    for (const [i, row] of fresh.entries()) {
      const [state, drift] = [d0[first + i]!, d1[first + i]!]
      const guess = state < 1e-5 || drift < 1e-5 ? 1e-6 : (0.01 * state) / drift
      row.step = direction * Math.min(guess, Math.abs(end - row.time))
    }
    await this.#evaluate(1, { ofX: 1, ofK: [1] }, 1, first)
    const change = await this.#norm(steps, { ofX: 0, ofK: [-1, 1] }, undefined, ones, [0, 1])
    for (const [i, row] of fresh.entries()) {
      const guess = Math.abs(row.step)
      const largest = Math.max(d1[first + i]!, change[first + i]! / guess)
      const size = largest <= 1e-15 ? Math.max(1e-6, guess * 1e-3) : (0.01 / largest) ** (1 / (order + 1))
      row.step = direction * Math.min(100 * guess, size, Math.abs(end - row.time))
    }
  }

  /** Ends steps exactly at the path's end where they would go beyond, and refuses those too small to count. */
  async #fitSteps(): Promise<void> {
    const { end, direction } = this.#pool
    const stuck: number[] = []
    for (const [i, row] of this.#pool.rows.entries()) {
      const left = Math.abs(end - row.time)
      const size = Math.abs(row.step)
      const counts = size >= 10 * Number.EPSILON * Math.abs(row.time) && size > 0
      if (!counts && !(size >= left)) stuck.push(i)
      else row.step = direction * Math.min(size, left)
    }
    await this.#pool.lose(stuck, 'needs a step too small to take')
  }

  #reachesEnd(row: Row): boolean {
    const { steps } = this.#solver
    const { end } = this.#pool
    if (steps.kind === 'fixed') return row.taken + 2 === steps.heights.length
    return row.time + row.step === end || Math.abs(row.step) >= Math.abs(end - row.time)
  }

  /** Which rows' steps are accepted; the sizes of the next ones are kept in `#proposed`. */
  async #judge(steps: AdaptiveSteps): Promise<Uint8Array> {
    const { embedded, b, c, name } = this.#solver.tableau
    if (!embedded) throw new Error(`${name} has no error estimate to adapt to`)
    const { rows } = this.#pool
    const sizes = Float64Array.from(rows, (row) => row.step)
    const errors = await this.#norm(steps, { ofX: 0, ofK: embedded.e }, { ofX: 1, ofK: b }, sizes, c)
    return Uint8Array.from(rows, (row, i) => {
      const history = [errors[i]!, ...row.errors]
      const { accepted, factor } = steps.controller.decide(history, embedded.order, row.rejected)
      if (accepted) row.errors = history.slice(0, steps.controller.memory)
      this.#proposed[i] = row.step * factor
      return accepted ? 1 : 0
    })
  }

  /** Moves the rows whose step is taken by a method, and lets those that have arrived leave. */
  async #advance(tableau: Tableau, takes: (row: Row, i: number) => boolean): Promise<void> {
    const { rows, end, statistics } = this.#pool
    const moved = Uint8Array.from(rows, (row, i) => (takes(row, i) ? 1 : 0))
    const sizes = Float64Array.from(rows, (row) => row.step)
    const last = tableau.firstSameAsLast ? tableau.b.length - 1 : -1
    await this.#pool.film(moved, (row) => ({
      end: this.#reachesEnd(row) ? end : row.time + row.step,
      at(time) {
        const weights = denseWeights(tableau, (time - row.time) / row.step)
        return { ofX: 1, ofK: weights.map((weight) => row.step * weight) }
      },
    }))
    await this.#pool.move({ ofX: 1, ofK: tableau.b }, sizes, moved, last)
    const adaptive = this.#solver.steps.kind === 'adaptive'
    const arrived: number[] = []
    for (const [i, row] of rows.entries()) {
      if (moved[i]) {
        const ends = this.#reachesEnd(row)
        if (ends) arrived.push(i)
        this.#pool.arrive(row, ends ? end : row.time + row.step)
      } else if (adaptive) {
        statistics.rejected[row.sample]! += 1
      }
      if (adaptive) {
        row.rejected = !moved[i]
        row.step = this.#proposed[i]!
      }
    }
    await this.#pool.retire(arrived)
  }
}

/**
 * The squared ratio to its tolerance of a combination of z, as if it were integrated too: dz / d(ln z) = z.
 * @param stages z at the method's stages
 */
function heightSquare(
  steps: AdaptiveSteps,
  y: Combination,
  next: Combination | undefined,
  step: number,
  stages: readonly number[],
): number {
  const z = stages[0]!
  const value = ({ ofX, ofK }: Combination): number =>
    ofK.reduce((sum, weight, j) => sum + step * weight * stages[j]!, ofX * z)
  const scale = steps.atol + steps.rtol * Math.max(z, next ? Math.abs(value(next)) : 0)
  return (value(y) / scale) ** 2
}
