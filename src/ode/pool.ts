import { PfgmError } from '../errors.js'
import type { Combination, FlowHandle, TensorHandle, TrajectoriesHandle } from '../native/addon.js'
import { type NativeObject, native } from '../native/native.js'
import type { Tensor } from '../tensor.js'
import type { ErrorNorm } from './error-norm.js'
import type { AdaptiveSteps, Solver } from './solver.js'
import type { Tableau } from './tableau.js'

/** What is integrated: `count` samples from one height to another. */
export interface Problem {
  readonly flow: NativeObject<FlowHandle>
  readonly count: number
  readonly from: number
  readonly to: number
  readonly device: string
  /** The states of samples `first` to `first + count - 1` at height `from`, float64 `[count, N]`. */
  start(first: number, count: number): Promise<Tensor<'float64'>>
}

export interface PoolOptions {
  readonly norm: ErrorNorm
  /** Most samples in the pool at once: it bounds memory, whatever `count` is. */
  readonly capacity: number
  readonly signal?: AbortSignal | undefined
  readonly onStep?: ((progress: PoolProgress) => void) | undefined
}

export interface PoolProgress {
  /** Samples that have arrived. */
  readonly finished: number
  /** Samples in the pool. */
  readonly active: number
  readonly count: number
  /** How much of all paths is behind, from 0 to 1. */
  readonly fraction: number
  /** Drift evaluations so far, summed over the samples. */
  readonly evaluations: number
}

/** What a sample's path cost. */
export interface SampleStatistics {
  /** Drift evaluations of each sample. */
  readonly evaluations: Int32Array
  readonly accepted: Int32Array
  readonly rejected: Int32Array
  /** Whether a sample's path ever left the region the network was trained on. */
  readonly outside: Uint8Array
}

/** A sample on its way. */
interface Row {
  readonly sample: number
  time: number
  /** Signed size of the next step. */
  step: number
  /** Whether the last try from here was rejected. */
  rejected: boolean
  /** Steps taken. */
  taken: number
}

const IDENTITY: Combination = { ofX: 1, ofK: [] }

/** After this many evaluations a sample counts as stuck. */
const MOST_EVALUATIONS = 100_000

/** Integrates all samples of a problem into `out`, float32 or float64 `[count, N]`. */
export async function integrate(
  problem: Problem,
  solver: Solver,
  out: Tensor,
  options: PoolOptions,
): Promise<SampleStatistics> {
  const pool = new Pool(problem, solver, out, options)
  try {
    return await pool.run()
  } finally {
    pool.dispose()
  }
}

/**
 * A pool of samples that share their network calls. Each has its own height, step and acceptance; finished ones leave
 * between steps and others join.
 */
class Pool {
  readonly #problem: Problem
  readonly #solver: Solver
  readonly #out: Tensor
  readonly #options: PoolOptions
  readonly #statistics: SampleStatistics
  readonly #end: number
  readonly #direction: number
  readonly #flow: FlowHandle
  readonly #outHandle: TensorHandle
  #handle: TrajectoriesHandle | undefined
  #rows: Row[] = []
  #joined = 0

  constructor(problem: Problem, solver: Solver, out: Tensor, options: PoolOptions) {
    this.#problem = problem
    this.#solver = solver
    this.#out = out
    this.#options = options
    this.#flow = problem.flow.handle
    this.#outHandle = this.#out.handle
    this.#end = solver.variable.toTime(problem.to)
    this.#direction = Math.sign(this.#end - solver.variable.toTime(problem.from))
    this.#statistics = {
      evaluations: new Int32Array(problem.count),
      accepted: new Int32Array(problem.count),
      rejected: new Int32Array(problem.count),
      outside: new Uint8Array(problem.count),
    }
  }

  dispose(): void {
    if (this.#handle !== undefined) native().dispose(this.#handle)
    this.#handle = undefined
  }

  async run(): Promise<SampleStatistics> {
    const { count } = this.#problem
    while (this.#joined < count || this.#rows.length > 0) {
      this.#options.signal?.throwIfAborted()
      if (this.#wantsMore()) await this.#refill()
      await this.#step()
      this.#report()
    }
    return this.#statistics
  }

  /** New samples join where a good part of the pool is free: joining one at a time would copy the pool each time. */
  #wantsMore(): boolean {
    const free = this.#options.capacity - this.#rows.length
    return (
      this.#joined < this.#problem.count && (this.#rows.length === 0 || free * 4 >= this.#options.capacity)
    )
  }

  async #refill(): Promise<void> {
    const { tableau, steps, variable } = this.#solver
    const added = Math.min(this.#options.capacity - this.#rows.length, this.#problem.count - this.#joined)
    const first = this.#rows.length
    const start = await this.#problem.start(this.#joined, added)
    try {
      if (this.#handle === undefined) {
        // The first step's size needs a second drift, whatever the method.
        const slots = Math.max(tableau.b.length, 2)
        this.#handle = await native().createTrajectories(start.handle, slots, this.#problem.device)
      } else {
        await native().joinTrajectories(this.#handle, start.handle)
      }
    } finally {
      start.dispose()
    }
    const time = variable.toTime(this.#problem.from)
    for (let i = 0; i < added; i++) {
      this.#rows.push({ sample: this.#joined + i, time, step: 0, rejected: false, taken: 0 })
    }
    this.#joined += added
    if (tableau.firstSameAsLast) await this.#evaluate(0, IDENTITY, 0, first)
    if (steps.kind === 'adaptive') await this.#chooseFirstSteps(steps, first)
  }

  /** k_slot at x + h sum_j y_j k_j and t + c h, for the rows from `first` on. */
  async #evaluate(slot: number, y: Combination, c: number, first = 0): Promise<void> {
    const rows = this.#rows.slice(first)
    const steps = Float64Array.from(rows, (row) => row.step)
    const heights = Float64Array.from(rows, (row) => this.#solver.variable.toHeight(row.time + c * row.step))
    const { perHeight } = this.#solver.variable
    const outside = await native().evaluateDrift(
      this.#pool,
      this.#flow,
      slot,
      y,
      steps,
      heights,
      first,
      perHeight,
    )
    for (const [i, row] of rows.entries()) {
      this.#statistics.evaluations[row.sample]! += 1
      this.#statistics.outside[row.sample]! |= outside[i]!
      if (this.#statistics.evaluations[row.sample]! > MOST_EVALUATIONS) {
        throw this.#lost(row, `has not arrived after ${MOST_EVALUATIONS} evaluations`)
      }
    }
  }

  get #pool(): TrajectoriesHandle {
    if (this.#handle === undefined) throw new Error('the pool is empty')
    return this.#handle
  }

  /** The norm of a combination against the tolerance, a number a row. */
  async #norm(
    steps: AdaptiveSteps,
    y: Combination,
    next: Combination | undefined,
    sizes: Float64Array,
    c: readonly number[],
  ): Promise<Float64Array> {
    const sums = await native().trajectoryNorms(this.#pool, y, next, sizes, steps.atol, steps.rtol)
    const { toHeight } = this.#solver.variable
    const squares = Float64Array.from(this.#rows, (row, i) => {
      const stages = c.map((fraction) => toHeight(row.time + fraction * row.step))
      return heightSquare(steps, y, next, sizes[i]!, stages)
    })
    return this.#options.norm(sums, squares)
  }

  /** Hairer, Norsett and Wanner, II.4: a first step from the sizes of the state, its drift and the drift's change. */
  async #chooseFirstSteps(steps: AdaptiveSteps, first: number): Promise<void> {
    const { embedded, c } = this.#solver.tableau
    const order = embedded?.order ?? 1
    const ones = new Float64Array(this.#rows.length).fill(1)
    const d0 = await this.#norm(steps, IDENTITY, undefined, ones, c)
    const d1 = await this.#norm(steps, { ofX: 0, ofK: [1] }, undefined, ones, c)
    const fresh = this.#rows.slice(first)
    for (const [i, row] of fresh.entries()) {
      const [state, drift] = [d0[first + i]!, d1[first + i]!]
      const guess = state < 1e-5 || drift < 1e-5 ? 1e-6 : (0.01 * state) / drift
      row.step = this.#direction * Math.min(guess, Math.abs(this.#end - row.time))
    }
    await this.#evaluate(1, { ofX: 1, ofK: [1] }, 1, first)
    const change = await this.#norm(steps, { ofX: 0, ofK: [-1, 1] }, undefined, ones, [0, 1])
    for (const [i, row] of fresh.entries()) {
      const guess = Math.abs(row.step)
      const largest = Math.max(d1[first + i]!, change[first + i]! / guess)
      const size = largest <= 1e-15 ? Math.max(1e-6, guess * 1e-3) : (0.01 / largest) ** (1 / (order + 1))
      row.step = this.#direction * Math.min(100 * guess, size, Math.abs(this.#end - row.time))
    }
  }

  /** One try of one step of every sample in the pool. */
  async #step(): Promise<void> {
    const { tableau, steps, variable, lastStep } = this.#solver
    for (const row of this.#rows) {
      if (steps.kind === 'fixed') row.step = variable.toTime(steps.heights[row.taken + 1]!) - row.time
      else this.#fitStep(row)
    }
    if (!tableau.firstSameAsLast) await this.#evaluate(0, IDENTITY, 0)
    if (lastStep) {
      await this.#advance(lastStep, (row) => this.#reachesEnd(row))
      if (this.#rows.length === 0) return
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

  /** Ends the step exactly at the path's end where it would go beyond, and refuses steps too small to count. */
  #fitStep(row: Row): void {
    const left = Math.abs(this.#end - row.time)
    const size = Math.abs(row.step)
    if (!(size >= 10 * Number.EPSILON * Math.abs(row.time) && size > 0) && !(size >= left)) {
      throw this.#lost(row, 'needs a step too small to take')
    }
    row.step = this.#direction * Math.min(size, left)
  }

  #reachesEnd(row: Row): boolean {
    const { steps } = this.#solver
    if (steps.kind === 'fixed') return row.taken + 2 === steps.heights.length
    return row.time + row.step === this.#end || Math.abs(row.step) >= Math.abs(this.#end - row.time)
  }

  /** Which rows' steps are accepted; the sizes of the next ones are kept in `#proposed`. */
  async #judge(steps: AdaptiveSteps): Promise<Uint8Array> {
    const { embedded, b, c } = this.#solver.tableau
    if (!embedded) throw new Error(`${this.#solver.tableau.name} has no error estimate to adapt to`)
    const sizes = Float64Array.from(this.#rows, (row) => row.step)
    const errors = await this.#norm(steps, { ofX: 0, ofK: embedded.e }, { ofX: 1, ofK: b }, sizes, c)
    return Uint8Array.from(this.#rows, (row, i) => {
      const { accepted, factor } = steps.controller.decide(errors[i]!, embedded.order, row.rejected)
      this.#proposed[i] = row.step * factor
      return accepted ? 1 : 0
    })
  }

  readonly #proposed: number[] = []

  /** Moves the rows whose step is taken by a method, and lets those that have arrived leave. */
  async #advance(tableau: Tableau, takes: (row: Row, i: number) => boolean): Promise<void> {
    const moved = Uint8Array.from(this.#rows, (row, i) => (takes(row, i) ? 1 : 0))
    const sizes = Float64Array.from(this.#rows, (row) => row.step)
    const last = tableau.firstSameAsLast ? tableau.b.length - 1 : -1
    if (moved.includes(1)) {
      await native().advanceTrajectories(this.#pool, { ofX: 1, ofK: tableau.b }, sizes, moved, last)
    }
    const arrived: number[] = []
    for (const [i, row] of this.#rows.entries()) {
      const adaptive = this.#solver.steps.kind === 'adaptive'
      if (moved[i]) {
        if (this.#reachesEnd(row)) arrived.push(i)
        row.time = this.#reachesEnd(row) ? this.#end : row.time + row.step
        row.taken += 1
        this.#statistics.accepted[row.sample]! += 1
      } else if (adaptive) {
        this.#statistics.rejected[row.sample]! += 1
      }
      if (adaptive) {
        row.rejected = !moved[i]
        row.step = this.#proposed[i]!
      }
    }
    if (arrived.length > 0) await this.#retire(arrived)
  }

  async #retire(places: number[]): Promise<void> {
    const samples = places.map((i) => this.#rows[i]!.sample)
    await native().retireTrajectories(this.#pool, places, this.#outHandle, samples)
    const leaving = new Set(places)
    this.#rows = this.#rows.filter((_, i) => !leaving.has(i))
  }

  #lost(row: Row, what: string): PfgmError {
    const height = this.#solver.variable.toHeight(row.time)
    return new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      `Sample ${row.sample} ${what} at z = ${height.toPrecision(4)}: the field there is not finite or not smooth. ` +
        'Train longer, or use a fixed number of steps (solver heun)',
    )
  }

  #report(): void {
    if (!this.#options.onStep) return
    let evaluations = 0
    for (const spent of this.#statistics.evaluations) evaluations += spent
    const { count } = this.#problem
    const active = this.#rows.length
    const finished = this.#joined - active
    const start = this.#solver.variable.toTime(this.#problem.from)
    const behind = this.#rows.reduce((sum, row) => sum + (row.time - start) / (this.#end - start), finished)
    this.#options.onStep({ finished, active, count, fraction: behind / count, evaluations })
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
