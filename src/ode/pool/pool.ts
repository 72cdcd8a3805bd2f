import { PfgmError } from '../../errors.js'
import type {
  Combination,
  Evaluation,
  RowCombination,
  TensorHandle,
  TrajectoriesHandle,
} from '../../native/addon.js'
import { native } from '../../native/native.js'
import { Tensor } from '../../tensor/tensor.js'
import type { ErrorNorm } from '../error-norm.js'
import type { Known } from '../multistep-methods/multistep-method.js'
import type { Solver } from '../solver.js'
import type { Interpolant } from '../steppers/dense-output.js'
import { createStepper, type Stepper } from '../steppers/stepper.js'
import { type DenoisedImages, type Denoiser, expectReplacement } from './denoised.js'
import type { Camera } from './film.js'
import type { SharedFlow } from './shared-flow.js'

/** What is integrated: `count` samples from one height to another. */
export interface Problem {
  readonly flow: SharedFlow
  readonly count: number
  readonly from: number
  readonly to: number
  readonly device: string
  /** The shape of one image, whose numbers a state begins with. */
  readonly shape: readonly number[]
  /** A height where the drift jumps: below it another formula holds. */
  readonly jump?: number
  /** The states of samples `first` to `first + count - 1` at height `from`, float64 `[count, N]`. */
  start(first: number, count: number): Promise<Tensor<'float64'>>
}

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
  /**
   * The denoised images of the samples in the pool, each of the last evaluation on its path, so that no other is
   * needed; the images are yours to dispose of. To be called before the listener returns.
   */
  denoised(): Promise<DenoisedImages>
}

/** How a sample's path ended: at its end, or where it was when it could not go on. */
export type SampleStatus = 'done' | 'maxEvaluations' | 'notFinite'

/** What the samples' paths cost. */
export interface SampleStatistics {
  /** Drift evaluations of each sample. */
  readonly evaluations: Int32Array
  readonly accepted: Int32Array
  readonly rejected: Int32Array
  /** Smallest accepted step of each sample, in ln z; the last one, cut to the end, left out. Infinity without any. */
  readonly smallestStep: Float64Array
  /** Whether a sample's path ever left the region the network was trained on. */
  readonly outside: Uint8Array
  readonly status: SampleStatus[]
  /** Seconds of waiting for evaluations of the flow, which samplings at the same time share, and of all the rest. */
  readonly seconds: { network: number; other: number }
}

/** A sample on its way. */
export interface Row {
  readonly sample: number
  time: number
  /** Signed size of the next step. */
  step: number
  /** Whether the last try from here was rejected. */
  rejected: boolean
  /** Errors of the accepted steps so far, newest first: as many as the controller looks at. */
  errors: readonly number[]
  /** Where the flow is known, newest first: a multistep method's history. */
  known: readonly Known[]
  /** Steps taken. */
  taken: number
  /** z of the last evaluation. */
  evaluatedAt: number
  /** Frames of the film that are drawn. */
  filmed: number
}

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
 * between steps and others join. What a step is, a `Stepper` knows.
 */
export class Pool {
  readonly problem: Problem
  /** Times of the path's ends, and the sign of the way. */
  readonly start: number
  readonly end: number
  readonly direction: number
  readonly statistics: SampleStatistics
  rows: Row[] = []
  readonly #solver: Solver
  readonly #stepper: Stepper
  readonly #out: TensorHandle
  readonly #options: PoolOptions
  #handle: TrajectoriesHandle | undefined
  #joined = 0

  constructor(problem: Problem, solver: Solver, out: Tensor, options: PoolOptions) {
    this.problem = problem
    this.#solver = solver
    this.#out = out.handle
    this.#options = options
    this.start = solver.variable.toTime(problem.from)
    this.end = solver.variable.toTime(problem.to)
    this.direction = Math.sign(this.end - this.start)
    this.#stepper = createStepper(this, solver)
    this.statistics = {
      evaluations: new Int32Array(problem.count),
      accepted: new Int32Array(problem.count),
      rejected: new Int32Array(problem.count),
      smallestStep: new Float64Array(problem.count).fill(Number.POSITIVE_INFINITY),
      outside: new Uint8Array(problem.count),
      status: Array.from({ length: problem.count }, () => 'done'),
      seconds: { network: 0, other: 0 },
    }
  }

  dispose(): void {
    if (this.#handle !== undefined) native().dispose(this.#handle)
    this.#handle = undefined
  }

  async run(): Promise<SampleStatistics> {
    const began = performance.now()
    await this.problem.flow.enter(() => this.#follow())
    const { seconds } = this.statistics
    seconds.other = (performance.now() - began) / 1000 - seconds.network
    return this.statistics
  }

  async #follow(): Promise<void> {
    const { count } = this.problem
    while (this.#joined < count || this.rows.length > 0) {
      this.#options.signal?.throwIfAborted()
      if (this.#wantsMore()) await this.#refill()
      await this.#endTheSpent()
      if (this.rows.length > 0) await this.#stepper.step()
      this.#report()
    }
  }

  /** New samples join where a good part of the pool is free: joining one at a time would copy the pool each time. */
  #wantsMore(): boolean {
    const free = this.#options.capacity - this.rows.length
    return this.#joined < this.problem.count && (this.rows.length === 0 || free * 4 >= this.#options.capacity)
  }

  async #refill(): Promise<void> {
    const added = Math.min(this.#options.capacity - this.rows.length, this.problem.count - this.#joined)
    const first = this.rows.length
    const start = await this.problem.start(this.#joined, added)
    try {
      if (this.#handle === undefined) {
        this.#handle = await native().createTrajectories(
          start.handle,
          this.#stepper.slots,
          this.#options.onDenoised !== undefined || this.#options.onStep !== undefined,
          this.problem.device,
        )
      } else {
        await native().joinTrajectories(this.#handle, start.handle)
      }
    } finally {
      start.dispose()
    }
    for (let i = 0; i < added; i++) {
      const sample = this.#joined + i
      this.rows.push({
        sample,
        time: this.start,
        step: 0,
        rejected: false,
        errors: [],
        known: [],
        taken: 0,
        evaluatedAt: this.problem.from,
        filmed: 0,
      })
    }
    this.#joined += added
    await this.#stepper.begin(first)
  }

  /** Samples whose next step would go beyond the most evaluations end where they are. */
  async #endTheSpent(): Promise<void> {
    const most = this.#options.maxEvaluations
    if (most === undefined) return
    const { evaluations } = this.statistics
    await this.retire(
      this.rows.flatMap((row, i) =>
        evaluations[row.sample]! + this.#stepper.evaluationsPerStep > most ? [i] : [],
      ),
      'maxEvaluations',
    )
  }

  /** Evaluates the flow at the states y and the heights, for the rows from `first` on. */
  async evaluate(where: Omit<Evaluation, 'pool'>): Promise<void> {
    const { heights, first } = where
    const began = performance.now()
    const outside = await this.problem.flow.evaluate({ pool: this.#pool, ...where })
    this.statistics.seconds.network += (performance.now() - began) / 1000
    for (const [i, row] of this.rows.slice(first).entries()) {
      row.evaluatedAt = heights[i]!
      this.statistics.evaluations[row.sample]! += 1
      this.statistics.outside[row.sample]! |= outside[i]!
      const limited = this.#options.maxEvaluations !== undefined
      if (!limited && this.statistics.evaluations[row.sample]! > MOST_EVALUATIONS) {
        throw this.#lost(row, `has not arrived after ${MOST_EVALUATIONS} evaluations`)
      }
    }
    const { onDenoised } = this.#options
    if (onDenoised) await this.#replaceDenoised(onDenoised, where)
  }

  /** Puts what the hook makes of the denoised images in their place, for the drift that a slot has just got. */
  async #replaceDenoised(
    denoiser: Denoiser,
    { slot, otherSide, view, heights, first }: Omit<Evaluation, 'pool'>,
  ): Promise<void> {
    const denoised = await this.#readDenoised(first)
    using images = denoised.images
    const answer = await this.problem.flow.stepAside(async () => denoiser(denoised))
    if (answer === undefined) return
    using _owned = answer instanceof Tensor ? answer : undefined
    expectReplacement(answer, images.shape)
    await native().replaceDenoised(this.#pool, answer.handle, slot, otherSide, heights, first, view)
  }

  /** The denoised images of the last evaluation of each row from `first` on. */
  async #readDenoised(first = 0): Promise<DenoisedImages> {
    const rows = this.rows.slice(first)
    const samples = rows.map(({ sample }) => sample)
    const heights = Float64Array.from(rows, ({ evaluatedAt }) => evaluatedAt)
    const images = await native().readDenoised(this.#pool, first, this.problem.shape)
    return { images: new Tensor<'float64'>(images), samples, heights }
  }

  get #pool(): TrajectoriesHandle {
    if (this.#handle === undefined) throw new Error('the pool is empty')
    return this.#handle
  }

  /** The norm of a combination against the tolerance, a number a row. */
  async norm(
    { rtol, atol }: { rtol: number; atol: number },
    y: Combination | RowCombination,
    next: Combination | RowCombination | undefined,
    sizes: Float64Array,
    heightSquares: Float64Array,
  ): Promise<Float64Array> {
    const sums = await native().trajectoryNorms(this.#pool, y, next, sizes, atol, rtol)
    return this.#options.norm(sums, heightSquares)
  }

  /** Draws the film's frames that lie on the steps which the moved rows are about to take. */
  async film(moved: Uint8Array, stepOf: (row: Row, place: number) => Interpolant): Promise<void> {
    const { camera } = this.#options
    if (!camera) return
    const { toHeight, toTime } = this.#solver.variable
    const frames = camera.film.heights.length
    const [places, drawn, ofX, ofK]: [number[], number[], number[], number[]] = [[], [], [], []]
    for (const [i, row] of this.rows.entries()) {
      if (!moved[i]) continue
      const step = stepOf(row, i)
      const after = camera.after(row.filmed, step.end === this.end ? this.problem.to : toHeight(step.end))
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
    await native().drawTrajectories(this.#pool, places, y, camera.film.images.handle, drawn)
  }

  /** The rows that are moved get the states y; their slot 0 takes over slot `last`, if that is not negative. */
  async move(
    y: Combination | RowCombination,
    sizes: Float64Array,
    moved: Uint8Array,
    last = -1,
  ): Promise<void> {
    if (moved.includes(1)) await native().advanceTrajectories(this.#pool, y, sizes, moved, last)
  }

  /** The states (-1) and slots that are named get combinations of what was there before. */
  async assign(targets: readonly number[], values: readonly RowCombination[]): Promise<void> {
    await native().assignTrajectories(this.#pool, targets, values)
  }

  /** Counts a row's accepted step, to a new time. */
  arrive(row: Row, time: number): void {
    const { toHeight } = this.#solver.variable
    const { smallestStep, accepted } = this.statistics
    if (time !== this.end) {
      const size = Math.abs(Math.log(toHeight(time) / toHeight(row.time)))
      smallestStep[row.sample] = Math.min(smallestStep[row.sample]!, size)
    }
    accepted[row.sample]! += 1
    row.time = time
    row.taken += 1
  }

  /** Rows leave the pool with their states. */
  async retire(places: readonly number[], status: SampleStatus = 'done'): Promise<void> {
    if (places.length === 0) return
    const samples = places.map((i) => this.rows[i]!.sample)
    await native().retireTrajectories(this.#pool, places, this.#out, samples)
    for (const sample of samples) this.statistics.status[sample] = status
    const leaving = new Set(places)
    this.rows = this.rows.filter((_, i) => !leaving.has(i))
  }

  /** Rows that cannot go on: an error, or the end of their paths, as the options say. */
  async lose(places: readonly number[], what: string): Promise<void> {
    if (places.length === 0) return
    if (!this.#options.keepNotFinite) throw this.#lost(this.rows[places[0]!]!, what)
    await this.retire(places, 'notFinite')
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
    for (const spent of this.statistics.evaluations) evaluations += spent
    const { count } = this.problem
    const active = this.rows.length
    const finished = this.#joined - active
    const behind = this.rows.reduce(
      (sum, row) => sum + (row.time - this.start) / (this.end - this.start),
      finished,
    )
    const denoised = () => this.#readDenoised()
    this.#options.onStep({ finished, active, count, fraction: behind / count, evaluations, denoised })
  }
}
