import type { Combination } from '../../native/addon.js'
import { raisedHeight } from '../churn.js'
import type { Row } from '../pool/row.js'
import type { AdaptiveSteps, RungeKuttaSolver } from '../solver.js'
import type { Tableau } from '../tableaus/tableau.js'
import { IDENTITY } from './combination.js'
import { denseWeights } from './dense-output.js'
import type { Path } from './path.js'
import { StepLimiter } from './step-limiter.js'
import { placesFrom, rowsAt, type Stepper, type Trajectories } from './stepper.js'

/** A try of a step. */
interface Try {
  /** Its signed size. */
  step: number
  /** What it would be without the flow's jump. */
  wanted: number
  /** Whether the last try from here was rejected. */
  rejected: boolean
  /** Errors of the accepted steps so far, newest first: as many as the controller looks at. */
  errors: readonly number[]
  /** Whether the first stage, the last one of the step before, is of the jump's other side. */
  stale: boolean
}

/** What an error estimate makes of a try. */
interface Verdict {
  readonly accepted: boolean
  /** The next step in units of this one. */
  readonly factor: number
}

/** Steps of a Runge-Kutta method, along given heights or as their error asks for. */
export class RungeKutta implements Stepper<Try> {
  readonly slots: number
  readonly #path: Path
  readonly #solver: RungeKuttaSolver
  readonly #limiter: StepLimiter

  constructor(path: Path, solver: RungeKuttaSolver) {
    this.#path = path
    this.#solver = solver
    // Given heights stay as they are given.
    this.#limiter = new StepLimiter(solver.steps.kind === 'fixed' ? { ...path, jump: undefined } : path)
    // The first step's size needs a second drift, whatever the method.
    this.slots = Math.max(solver.tableau.b.length, 2)
  }

  evaluationsOf({ stale }: Try): number {
    const { b, firstSameAsLast } = this.#solver.tableau
    return b.length - (firstSameAsLast && !stale ? 1 : 0)
  }

  fresh(): Try {
    return { step: 0, wanted: 0, rejected: false, errors: [], stale: false }
  }

  async begin(samples: Trajectories<Try>, first: number): Promise<void> {
    const { tableau, steps } = this.#solver
    const fresh = placesFrom(first, samples.rows)
    if (tableau.firstSameAsLast) await this.#evaluate(samples, 0, IDENTITY, 0, fresh)
    if (steps.kind === 'adaptive') await this.#chooseFirstSteps(samples, steps, fresh)
  }

  async step(samples: Trajectories<Try>): Promise<void> {
    const { tableau, steps, variable, lastStep } = this.#solver
    if (steps.kind === 'fixed') {
      await this.#churn(samples)
      for (const row of samples.rows) {
        row.state.step = variable.toTime(steps.heights[row.taken + 1]!) - row.time
      }
    } else {
      await this.#fitSteps(samples)
      if (samples.rows.length === 0) return
    }
    if (tableau.firstSameAsLast) await this.#renew(samples)
    else await this.#evaluate(samples, 0, IDENTITY, 0)
    if (lastStep && !this.#path.endsDenoised) {
      await this.#advance(samples, lastStep, (row) => this.#endOf(row) === this.#path.end)
      if (samples.rows.length === 0) return
    }
    for (let i = 1; i < tableau.b.length; i++) {
      await this.#evaluate(samples, i, { ofX: 1, ofK: tableau.a[i]! }, tableau.c[i]!)
    }
    if (steps.kind === 'fixed') return this.#advance(samples, tableau, () => true)
    const tried = samples.rows
    const verdicts = await this.#judge(samples, steps)
    await this.#advance(samples, tableau, (_, i) => verdicts[i]!.accepted)
    for (const [i, row] of tried.entries()) this.#propose(row, verdicts[i]!)
  }

  /** Raises rows to the heights that their steps begin at, by noise that is drawn by the steps' numbers. */
  async #churn(samples: Trajectories<Try>): Promise<void> {
    const { churn, variable } = this.#solver
    if (!churn) return
    const { rows } = samples
    const weights = new Float64Array(rows.length)
    for (const [i, row] of rows.entries()) {
      const height = variable.toHeight(row.time)
      const raised = raisedHeight(churn, height)
      weights[i] = churn.noise * Math.sqrt(raised ** 2 - height ** 2)
      row.time = variable.toTime(raised)
    }
    const noise = { weights, draws: Int32Array.from(rows, ({ taken }) => taken) }
    await samples.move(
      { ...IDENTITY, noise },
      new Float64Array(rows.length),
      new Uint8Array(rows.length).fill(1),
    )
  }

  /** k_slot at x + h sum_j y_j k_j and t + c h, for some rows or all. */
  async #evaluate(
    samples: Trajectories<Try>,
    slot: number,
    y: Combination,
    c: number,
    places?: readonly number[],
  ): Promise<void> {
    const { view } = this.#solver.variable
    const rows = rowsAt(samples.rows, places)
    const steps = Float64Array.from(rows, ({ state }) => state.step)
    const heights = Float64Array.from(rows, (row) => this.#heightAt(row, c))
    await samples.evaluate({ slot, view, y, steps, heights, rows: places })
  }

  #heightAt({ time, state }: Row<Try>, c: number): number {
    return this.#limiter.heightAt(time + c * state.step, time)
  }

  /** The first stage again, where it is of the other side of the jump. */
  async #renew(samples: Trajectories<Try>): Promise<void> {
    const places = samples.rows.flatMap(({ state }, i) => (state.stale ? [i] : []))
    if (places.length === 0) return
    await this.#evaluate(samples, 0, IDENTITY, 0, places)
    for (const place of places) samples.rows[place]!.state.stale = false
  }

  async #norms(
    samples: Trajectories<Try>,
    steps: AdaptiveSteps,
    sums: readonly { y: Combination; next?: Combination }[],
    sizes: Float64Array,
    c: readonly number[],
  ): Promise<Float64Array[]> {
    return samples.norms(steps, sums, sizes, (j) =>
      Float64Array.from(samples.rows, (row, i) => {
        const stages = c.map((fraction) => this.#heightAt(row, fraction))
        return heightSquare(steps, sums[j]!, sizes[i]!, stages)
      }),
    )
  }

  /** Hairer, Norsett and Wanner, II.4: a first step from the sizes of the state, its drift and the drift's change. */
  async #chooseFirstSteps(
    samples: Trajectories<Try>,
    steps: AdaptiveSteps,
    fresh: readonly number[] | undefined,
  ): Promise<void> {
    const { rows } = samples
    const { direction } = this.#path
    const { embedded, c } = this.#solver.tableau
    const order = embedded?.order ?? 1
    const ones = new Float64Array(rows.length).fill(1)
    const sums = [{ y: IDENTITY }, { y: { ofX: 0, ofK: [1] } }]
    const [states, drifts] = await this.#norms(samples, steps, sums, ones, c)
    const places = fresh ?? [...rows.keys()]
    for (const i of places) {
      const [state, drift] = [states![i]!, drifts![i]!]
      const guess = state < 1e-5 || drift < 1e-5 ? 1e-6 : (0.01 * state) / drift
      rows[i]!.state.step = direction * Math.min(guess, this.#left(rows[i]!))
    }
    await this.#evaluate(samples, 1, { ofX: 1, ofK: [1] }, 1, fresh)
    const change = [{ y: { ofX: 0, ofK: [-1, 1] } }]
    const [changes] = await this.#norms(samples, steps, change, ones, [0, 1])
    for (const i of places) {
      const row = rows[i]!
      const guess = Math.abs(row.state.step)
      const largest = Math.max(drifts![i]!, changes![i]! / guess)
      const size = largest <= 1e-15 ? Math.max(1e-6, guess * 1e-3) : (0.01 / largest) ** (1 / (order + 1))
      row.state.step = direction * Math.min(100 * guess, size, this.#left(row))
    }
  }

  /** How long a step may be at most. */
  #left({ time }: Row<Try>): number {
    return Math.abs(this.#limiter.latestEnd(time) - time)
  }

  /** Cuts steps off where they must end, and refuses those too small to count. */
  async #fitSteps(samples: Trajectories<Try>): Promise<void> {
    const { direction } = this.#path
    const stuck: number[] = []
    for (const [i, row] of samples.rows.entries()) {
      const { time, state } = row
      const left = this.#left(row)
      const size = Math.abs(state.step)
      const counts = size >= 10 * Number.EPSILON * Math.abs(time) && size > 0
      if (!counts && !(size >= left)) stuck.push(i)
      state.wanted = state.step
      state.step = direction * Math.min(size, left)
    }
    await samples.lose(stuck, 'needs a step too small to take')
  }

  /** The time at which a row's step ends. */
  #endOf(row: Row<Try>): number {
    const { time, taken, state } = row
    const { steps } = this.#solver
    if (steps.kind === 'fixed') {
      return taken + 2 === steps.heights.length ? this.#path.end : time + state.step
    }
    const latest = this.#limiter.latestEnd(time)
    const reaches = time + state.step === latest || Math.abs(state.step) >= this.#left(row)
    return reaches ? latest : time + state.step
  }

  async #judge(samples: Trajectories<Try>, steps: AdaptiveSteps): Promise<Verdict[]> {
    const { embedded, b, c, name } = this.#solver.tableau
    if (!embedded) throw new Error(`${name} has no error estimate to adapt to`)
    const { rows } = samples
    const sizes = Float64Array.from(rows, ({ state }) => state.step)
    const error = [{ y: { ofX: 0, ofK: embedded.e }, next: { ofX: 1, ofK: b } }]
    const [errors] = await this.#norms(samples, steps, error, sizes, c)
    return rows.map(({ state }, i) => {
      const history = [errors![i]!, ...state.errors]
      const verdict = steps.controller.decide(history, embedded.order, state.rejected)
      if (verdict.accepted) state.errors = history.slice(0, steps.controller.memory)
      return verdict
    })
  }

  /** The next step of a row. One that was cut off at the jump says little of how long it may be beyond. */
  #propose({ state }: Row<Try>, { accepted, factor }: Verdict): void {
    const proposed = state.step * factor
    const wasCut = accepted && state.stale && Math.abs(state.wanted) > Math.abs(proposed)
    state.step = wasCut ? state.wanted : proposed
    state.rejected = !accepted
  }

  /** Moves the rows whose step is taken by a method, and lets those that have arrived leave. */
  async #advance(
    samples: Trajectories<Try>,
    tableau: Tableau,
    takes: (row: Row<Try>, i: number) => boolean,
  ): Promise<void> {
    const { rows } = samples
    const moved = Uint8Array.from(rows, (row, i) => (takes(row, i) ? 1 : 0))
    const sizes = Float64Array.from(rows, ({ state }) => state.step)
    const last = tableau.firstSameAsLast ? tableau.b.length - 1 : -1
    await samples.film(moved, (row) => ({
      end: this.#endOf(row),
      at(time) {
        const weights = denseWeights(tableau, (time - row.time) / row.state.step)
        return { ofX: 1, ofK: weights.map((weight) => row.state.step * weight) }
      },
    }))
    await samples.move({ ofX: 1, ofK: tableau.b }, sizes, moved, last)
    const arrived: number[] = []
    for (const [i, row] of rows.entries()) {
      if (moved[i]) {
        const time = this.#endOf(row)
        if (time === this.#path.end) arrived.push(i)
        row.state.stale = time === this.#limiter.barrier
        samples.arrive(row, time)
      } else if (this.#solver.steps.kind === 'adaptive') {
        samples.reject(row)
      }
    }
    await samples.retire(arrived)
  }
}

/**
 * The squared ratio to its tolerance of a sum for z, as if z were integrated too: dz / d(ln z) = z.
 * @param stages z at the method's stages
 */
function heightSquare(
  { atol, rtol }: AdaptiveSteps,
  { y, next }: { y: Combination; next?: Combination },
  step: number,
  stages: readonly number[],
): number {
  const z = stages[0]!
  const value = ({ ofX, ofK }: Combination): number =>
    ofK.reduce((sum, weight, j) => sum + step * weight * stages[j]!, ofX * z)
  const scale = atol + rtol * Math.max(z, next ? Math.abs(value(next)) : 0)
  return (value(y) / scale) ** 2
}
