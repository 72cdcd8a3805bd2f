import { orAborted } from '../../arguments/signal.js'
import { PfgmError } from '../../errors.js'
import type {
  Combination,
  Evaluation,
  RowCombination,
  SquareSum,
  TensorHandle,
  TrajectoriesHandle,
} from '../../native/addon.js'
import { native } from '../../native/native.js'
import { Tensor } from '../../tensor/tensor.js'
import type { ErrorNorm } from '../error-norm.js'
import { IDENTITY } from '../steppers/combination.js'
import type { Interpolant } from '../steppers/dense-output.js'
import type { Path } from '../steppers/path.js'
import { rowsAt, type Stepper, type Trajectories } from '../steppers/stepper.js'
import type { Joining } from './arrivals.js'
import { type DenoisedImages, type Denoiser, expectReplacement } from './denoised.js'
import type { Camera } from './film.js'
import type { Problem } from './problem.js'
import type { PoolProgress } from './progress.js'
import type { Row } from './row.js'
import { beginStatistics, noStatistics, type SampleStatistics, type SampleStatus } from './statistics.js'

export interface PoolOptions {
  readonly norm: ErrorNorm
  /** Most samples in the pool at once: it bounds memory, whatever `count` is. */
  readonly capacity: number
  /** A sample that would need more evaluations ends where it is; without it, one that needs 100,000 is an error. */
  readonly maxEvaluations?: number | undefined
  /** A sample whose field is not finite or not smooth ends where it is, rather than all with an error. */
  readonly keepNotFinite?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Called at every evaluation; the flow that is followed is that of the denoised images it returns. */
  readonly onDenoised?: Denoiser | undefined
  readonly camera?: Camera | undefined
  readonly onStep?: ((progress: PoolProgress) => void) | undefined
  /** Gets the statistics as they are while samples are under way. */
  readonly onBegin?: ((statistics: SampleStatistics) => void) | undefined
}

/** After this many evaluations a sample counts as stuck. */
const MOST_EVALUATIONS = 100_000

/** The answer of a hook that took longer than the sampling. */
function dispose(answer: unknown): void {
  if (answer instanceof Tensor) answer.dispose()
}

/** Integrates all samples of a problem along a path into `out`, float32 or float64 `[count, N]`. */
export async function integrate<State>(
  problem: Problem,
  path: Path,
  stepper: Stepper<State>,
  out: Tensor,
  options: PoolOptions,
): Promise<SampleStatistics> {
  const pool = new Pool(problem, path, stepper, out, options)
  try {
    return await pool.run()
  } finally {
    pool.dispose()
  }
}

/**
 * A pool of samples that share their network calls. Each has its own height, step and acceptance; finished ones leave
 * between steps and others join. What a step is, the stepper knows.
 */
class Pool<State> implements Trajectories<State> {
  rows: Row<State>[] = []
  readonly #problem: Problem
  readonly #path: Path
  readonly #stepper: Stepper<State>
  readonly #out: TensorHandle
  readonly #options: PoolOptions
  readonly #statistics: SampleStatistics
  #handle: TrajectoriesHandle | undefined
  #joined = 0
  /** Evaluations of all samples so far. */
  #evaluations = 0
  /** The last of them that was asked for. */
  #evaluation: Promise<void> = Promise.resolve()
  /** The first error of what nobody has waited for. */
  #failure: { readonly error: unknown } | undefined

  constructor(problem: Problem, path: Path, stepper: Stepper<State>, out: Tensor, options: PoolOptions) {
    this.#problem = problem
    this.#path = path
    this.#stepper = stepper
    this.#out = out.handle
    this.#options = options
    this.#statistics = noStatistics(problem.count)
  }

  dispose(): void {
    if (this.#handle !== undefined) native().dispose(this.#handle)
    this.#handle = undefined
  }

  async run(): Promise<SampleStatistics> {
    const began = performance.now()
    this.#options.onBegin?.(this.#statistics)
    await this.#problem.flow.enter(() => this.#follow())
    const { seconds } = this.#statistics
    seconds.other = (performance.now() - began) / 1000 - seconds.network
    return this.#statistics
  }

  async #follow(): Promise<void> {
    const { arrivals } = this.#problem
    while (arrivals.waiting > 0 || this.rows.length > 0) {
      this.#options.signal?.throwIfAborted()
      await this.#endTheGone()
      if (this.#wantsMore()) await this.#refill()
      await this.#endTheSpent()
      if (this.rows.length > 0) await this.#stepper.step(this)
      await this.#report()
    }
    await this.#answered()
  }

  /** A call whose answer is not waited for: an error of it ends what is waited for next. */
  #ask(call: Promise<unknown>): void {
    call.catch((error: unknown) => {
      this.#failure ??= { error }
    })
  }

  /**
   * The answer of a call, if one is given, and of the last evaluation; the device's thread has done all that was asked for
   * before them then, and an error of it is thrown.
   */
  async #answered<T>(call?: T): Promise<Awaited<T>> {
    const [answer] = await Promise.all([call as T, this.#evaluation])
    if (this.#failure) throw this.#failure.error
    return answer
  }

  /** New samples join where a good part of the pool is free: joining one at a time would copy the pool each time. */
  #wantsMore(): boolean {
    const { waiting, isUrgent } = this.#problem.arrivals
    const free = this.#options.capacity - this.rows.length
    const least = isUrgent ? 1 : this.#options.capacity / 4
    return waiting > 0 && (this.rows.length === 0 || free >= least)
  }

  async #refill(): Promise<void> {
    const { arrivals, from } = this.#problem
    const first = this.rows.length
    let free = this.#options.capacity - first
    while (free > 0 && arrivals.waiting > 0) {
      const joining = await arrivals.take(free)
      await this.#join(joining)
      for (const sample of joining.samples) {
        beginStatistics(this.#statistics, sample)
        const time = this.#path.start
        this.rows.push({ sample, time, taken: 0, evaluatedAt: from, filmed: 0, state: this.#stepper.fresh() })
      }
      this.#joined += joining.samples.length
      free -= joining.samples.length
    }
    await this.#stepper.begin(this, first)
  }

  async #join({ states: given, rows: carried }: Joining): Promise<void> {
    const { noise, device } = this.#problem
    using states = given
    if (this.#handle !== undefined) {
      return native().joinTrajectories(this.#handle, states.handle, carried)
    }
    const { onDenoised, onStep } = this.#options
    const keepsDenoised = onDenoised !== undefined || onStep !== undefined
    const { slots } = this.#stepper
    this.#handle = await native().createTrajectories(
      states.handle,
      carried,
      slots,
      keepsDenoised,
      noise?.handle,
      device,
    )
  }

  async #endTheGone(): Promise<void> {
    const { arrivals } = this.#problem
    if (!arrivals.isGone) return
    await this.#leave(
      this.rows.flatMap(({ sample }, i) => (arrivals.isGone!(sample) ? [i] : [])),
      'maxEvaluations',
    )
  }

  /** Samples whose next step would go beyond the most evaluations end where they are. */
  async #endTheSpent(): Promise<void> {
    const most = this.#options.maxEvaluations
    if (most === undefined) return
    const { evaluations } = this.#statistics
    const atTheEnd = this.#path.endsDenoised ? 1 : 0
    await this.#leave(
      this.rows.flatMap(({ sample, state }, i) =>
        evaluations[sample]! + this.#stepper.evaluationsOf(state) + atTheEnd > most ? [i] : [],
      ),
      'maxEvaluations',
    )
  }

  async evaluate(where: Omit<Evaluation, 'pool'>): Promise<void> {
    const { heights } = where
    const rows = rowsAt(this.rows, where.rows)
    const { evaluations, outside, seconds } = this.#statistics
    // One at a time, so that no call is far from its answer.
    await this.#answered()
    const began = performance.now()
    const evaluation = { pool: this.#pool, ...where }
    const { answer } = await this.#problem.flow.evaluate(evaluation, this.#options.signal)
    this.#evaluation = answer.then((flags) => {
      seconds.network += (performance.now() - began) / 1000
      for (const [i, { sample }] of rows.entries()) outside[sample]! |= flags[i]!
    })
    this.#ask(this.#evaluation)
    this.#evaluations += heights.length
    for (const [i, row] of rows.entries()) {
      row.evaluatedAt = heights[i]!
      evaluations[row.sample]! += 1
      const limited = this.#options.maxEvaluations !== undefined
      if (!limited && evaluations[row.sample]! > MOST_EVALUATIONS) {
        throw this.#lost(row, `has not arrived after ${MOST_EVALUATIONS} evaluations`)
      }
    }
    const { onDenoised } = this.#options
    if (onDenoised) await this.#replaceDenoised(onDenoised, where)
  }

  /** Puts what the hook makes of the denoised images in their place, for the drift that a slot has just got. */
  async #replaceDenoised(
    denoiser: Denoiser,
    { slot, otherSide, view, heights, rows }: Omit<Evaluation, 'pool'>,
  ): Promise<void> {
    await this.#answered()
    const denoised = await this.#readDenoised(rows)
    using images = denoised.images
    const { signal } = this.#options
    const answer = await this.#problem.flow.stepAside(() =>
      orAborted(signal, () => denoiser(denoised), dispose),
    )
    if (answer === undefined) return
    using _owned = answer instanceof Tensor ? answer : undefined
    expectReplacement(answer, images.shape)
    await native().replaceDenoised(this.#pool, answer.handle, slot, otherSide, heights, rows, view)
  }

  /** The denoised images of the last evaluation of some rows, or of all. */
  async #readDenoised(places?: readonly number[]): Promise<DenoisedImages> {
    const rows = rowsAt(this.rows, places)
    const samples = rows.map(({ sample }) => sample)
    const heights = Float64Array.from(rows, ({ evaluatedAt }) => evaluatedAt)
    const images = await native().readDenoised(this.#pool, places, this.#problem.shape)
    return { images: new Tensor<'float64'>(images), samples, heights }
  }

  get #pool(): TrajectoriesHandle {
    if (this.#handle === undefined) throw new Error('the pool is empty')
    return this.#handle
  }

  async norms(
    { rtol, atol }: { rtol: number; atol: number },
    sums: readonly SquareSum[],
    sizes: Float64Array,
    heightSquares: (sum: number) => Float64Array = () => new Float64Array(sizes.length),
  ): Promise<Float64Array[]> {
    const all = await this.#answered(native().trajectoryNorms(this.#pool, sums, sizes, atol, rtol))
    const rows = sizes.length
    return sums.map((_, j) =>
      this.#options.norm(all.subarray(j * rows, (j + 1) * rows), () => heightSquares(j)),
    )
  }

  async film(moved: Uint8Array, stepOf: (row: Row<State>, place: number) => Interpolant): Promise<void> {
    const { camera } = this.#options
    if (!camera) return
    const { end, variable } = this.#path
    const { toHeight, toTime } = variable
    const frames = camera.film.heights.length
    const [places, drawn, ofX, ofK]: [number[], number[], number[], number[]] = [[], [], [], []]
    for (const [i, row] of this.rows.entries()) {
      if (!moved[i]) continue
      const step = stepOf(row, i)
      const after = camera.after(row.filmed, step.end === end ? this.#problem.to : toHeight(step.end))
      for (; row.filmed < after; row.filmed++) {
        const weights = camera.weights(step, row.filmed, toTime)
        places.push(i)
        drawn.push(row.sample * frames + row.filmed)
        ofX.push(weights.ofX)
        for (let slot = 0; slot < this.#stepper.slots; slot++) ofK.push(weights.ofK[slot] ?? 0)
      }
    }
    if (places.length === 0) return
    const y = { ofX: Float64Array.from(ofX), ofK: Float64Array.from(ofK) }
    this.#ask(native().drawTrajectories(this.#pool, places, y, camera.film.images.handle, drawn))
  }

  async move(
    y: Combination | RowCombination,
    sizes: Float64Array,
    moved: Uint8Array,
    last = -1,
  ): Promise<void> {
    if (moved.includes(1)) this.#ask(native().advanceTrajectories(this.#pool, y, sizes, moved, last))
  }

  async assign(targets: readonly number[], values: readonly RowCombination[]): Promise<void> {
    this.#ask(native().assignTrajectories(this.#pool, targets, values))
  }

  arrive(row: Row<State>, time: number): void {
    const { end, variable } = this.#path
    const { smallestStep, accepted } = this.#statistics
    if (time !== end) {
      const size = Math.abs(Math.log(variable.toHeight(time) / variable.toHeight(row.time)))
      smallestStep[row.sample] = Math.min(smallestStep[row.sample]!, size)
    }
    accepted[row.sample]! += 1
    row.time = time
    row.taken += 1
  }

  reject(row: Row<State>): void {
    this.#statistics.rejected[row.sample]! += 1
  }

  async retire(places: readonly number[]): Promise<void> {
    if (places.length > 0 && this.#path.endsDenoised) await this.#denoise(places)
    await this.#leave(places, 'done')
  }

  async lose(places: readonly number[], what: string): Promise<void> {
    if (places.length === 0) return
    if (!this.#options.keepNotFinite) throw this.#lost(this.rows[places[0]!]!, what)
    await this.#leave(places, 'notFinite')
  }

  /** Rows that have arrived get what is denoised there as their states. */
  async #denoise(places: readonly number[]): Promise<void> {
    const heights = new Float64Array(places.length).fill(this.#problem.to)
    const steps = new Float64Array(places.length)
    await this.evaluate({ slot: 0, y: IDENTITY, steps, heights, rows: places, view: 'denoised' })
    const arrived = Uint8Array.from(this.rows, (_, i) => Number(places.includes(i)))
    await this.move({ ofX: 0, ofK: [1] }, new Float64Array(this.rows.length).fill(1), arrived)
  }

  /** Rows leave the pool with their states. */
  async #leave(places: readonly number[], status: SampleStatus): Promise<void> {
    if (places.length === 0) return
    const samples = places.map((i) => this.rows[i]!.sample)
    await this.#answered(native().retireTrajectories(this.#pool, places, this.#out, samples))
    for (const sample of samples) this.#statistics.status[sample] = status
    const leaving = new Set(places)
    this.rows = this.rows.filter((_, i) => !leaving.has(i))
    await this.#problem.arrivals.left?.(samples, status)
  }

  #lost(row: Row<State>, what: string): PfgmError {
    const height = this.#path.variable.toHeight(row.time).toPrecision(4)
    return new PfgmError(
      'ERR_PFGM_NOT_FINITE',
      `Sample ${row.sample} ${what} at ${this.#problem.heightName} = ${height}: the field there is not finite or not ` +
        'smooth. Train longer, or use a fixed number of steps (solver heun)',
    )
  }

  async #report(): Promise<void> {
    if (!this.#options.onStep) return
    await this.#answered()
    const { count } = this.#problem
    const { start, end } = this.#path
    const active = this.rows.length
    const finished = this.#joined - active
    const behind = this.rows.reduce((sum, row) => sum + (row.time - start) / (end - start), finished)
    const evaluations = this.#evaluations
    const denoised = () => this.#readDenoised()
    this.#options.onStep({ finished, active, count, fraction: behind / count, evaluations, denoised })
  }
}
