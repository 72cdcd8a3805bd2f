import type { Model } from '../model/model.js'
import { samplePath } from '../model/sample.js'
import { perSampleNorm } from '../ode/error-norm.js'
import type { Arrivals, Joining } from '../ode/pool/arrivals.js'
import type { DenoisedImages } from '../ode/pool/denoised.js'
import { integrate } from '../ode/pool/pool.js'
import type { PoolProgress } from '../ode/pool/progress.js'
import type { SharedFlow } from '../ode/pool/shared-flow.js'
import type { SampleStatistics, SampleStatus } from '../ode/pool/statistics.js'
import type { Solver } from '../ode/solver.js'
import { createStepper } from '../ode/steppers/create-stepper.js'
import { Tensor } from '../tensor/tensor.js'
import { alike } from './alike.js'
import type { Request } from './request.js'

/** What all samples of an open sampling have in common. */
export interface Common {
  readonly solver: Solver
  readonly temperature: number | undefined
  readonly drift: Parameters<Model['sharedFlow']>[0]
  readonly maxEvaluations: number
  readonly hasPreviews: boolean
  /** Whether something is known of the samples, of each request something else. */
  readonly isLed: boolean
}

/** Who is told of what happens. */
export interface Told {
  /** So many samples have left. */
  readonly left: (rows: number) => void
  /** There are none any more. */
  readonly idle: () => void
}

/** Of whose samples a row is, and which of them. */
interface Wanted {
  readonly request: Request
  readonly index: number
}

/**
 * A pool that samples join and leave as they come, all of them by one solver with the same settings. It works while there
 * are any.
 */
export class OpenSampling implements Arrivals {
  readonly isUrgent = true
  readonly #model: Model
  readonly #common: Common
  readonly #capacity: number
  /** Those that are to join, in order. */
  #queue: Wanted[] = []
  /** By their places in the pool. */
  readonly #underway = new Map<number, Wanted>()
  readonly #free: number[]
  readonly #told: Told
  readonly #flow: SharedFlow
  #work: Promise<void> | undefined

  constructor(model: Model, common: Common, capacity: number, told: Told) {
    this.#model = model
    this.#common = common
    this.#capacity = capacity
    this.#free = Array.from({ length: capacity }, (_, i) => capacity - 1 - i)
    this.#told = told
    this.#flow = model.sharedFlow(common.drift)
  }

  get waiting(): number {
    return Math.min(this.#queue.length, this.#free.length)
  }

  /** Samples of a request, from one on, are to join. */
  add(request: Request, first: number, count: number): void {
    for (let index = first; index < first + count; index++) this.#queue.push({ request, index })
    this.#begin()
  }

  /** Says so where it has nothing to do: whoever asked for it may be gone before anything joined. */
  settle(): void {
    if (!this.#work && this.#queue.length === 0) this.#told.idle()
  }

  #begin(): void {
    this.#work ??= this.#follow().finally(() => {
      this.#work = undefined
      // Some may have come after the pool had ended.
      if (this.#queue.length > 0) this.#begin()
      else this.#told.idle()
    })
  }

  /** Those of a request that have not joined do not; those under way leave at their next step. */
  drop(request: Request): void {
    const kept = this.#queue.filter((wanted) => wanted.request !== request)
    const dropped = this.#queue.length - kept.length
    this.#queue = kept
    if (dropped > 0) this.#told.left(dropped)
  }

  /** The first that wait, as far as they carry the same things. */
  async take(most: number): Promise<Joining> {
    const first = this.#queue.slice(0, Math.min(most, this.waiting))
    const rows = alike(first.map(({ request, index }) => request.row(index)))
    const joining = this.#queue.splice(0, rows.keys.length)
    const samples = joining.map(() => this.#free.pop()!)
    for (const [i, sample] of samples.entries()) this.#underway.set(sample, joining[i]!)
    const { flow, network } = this.#model
    const states = await flow.prior(rows.keys, network.dimensions, this.#common.temperature)
    return { samples, states, rows }
  }

  isGone(sample: number): boolean {
    return this.#underway.get(sample)?.request.isGone === true
  }

  async left(samples: readonly number[], status: SampleStatus): Promise<void> {
    const drawn = await Promise.all(samples.map((sample) => this.#read(sample)))
    for (const [i, sample] of samples.entries()) {
      const { request, index } = this.#underway.get(sample)!
      this.#underway.delete(sample)
      this.#free.push(sample)
      const evaluations = this.#statistics!.evaluations[sample]!
      const arrived = { values: drawn[i]!, evaluations, status }
      this.#flow.meanwhile(() => request.arrived(index, arrived))
    }
    this.#told.left(samples.length)
  }

  async #read(sample: number): Promise<Float32Array> {
    using row = await this.#out!.slice(sample, 1)
    return await row.data()
  }

  #out: Tensor<'float32'> | undefined
  #statistics: SampleStatistics | undefined

  async #follow(): Promise<void> {
    const { flow, network } = this.#model
    const { solver, maxEvaluations, hasPreviews, isLed } = this.#common
    try {
      using out = await Tensor.full([this.#capacity, ...network.itemShape], 0, 'float32')
      this.#out = out
      const { far, near, heightName } = flow
      const path = samplePath(this.#model, solver, far.height)
      while (this.waiting > 0) {
        const problem = {
          flow: this.#flow,
          heightName,
          count: this.#capacity,
          from: far.height,
          to: near.height,
          device: network.device,
          shape: network.itemShape,
          arrivals: this,
        }
        await integrate(problem, path, createStepper(solver, path), out, {
          norm: perSampleNorm(network.dimensions),
          capacity: this.#capacity,
          maxEvaluations,
          keepNotFinite: true,
          onBegin: (statistics) => {
            this.#statistics = statistics
          },
          ...(isLed && { onDenoised: (denoised: DenoisedImages) => this.#lead(denoised) }),
          ...(hasPreviews && { onStep: (progress: PoolProgress) => this.#preview(progress) }),
        })
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#out = undefined
    }
  }

  /** What ends the pool ends all that is in it: memory that is short, a device that is gone. */
  #fail(error: unknown): void {
    const all = [...this.#underway.values(), ...this.#queue]
    for (const sample of this.#underway.keys()) this.#free.push(sample)
    this.#underway.clear()
    this.#queue = []
    for (const { request } of all) request.fail(error)
    this.#told.left(all.length)
  }

  async #lead({ images, samples }: DenoisedImages): Promise<Tensor<'float64'>> {
    const values = await images.data()
    const size = values.length / samples.length
    for (const [i, sample] of samples.entries()) {
      this.#underway.get(sample)!.request.known!.guide(values.subarray(i * size, (i + 1) * size))
    }
    return Tensor.from<'float64'>(values, images.shape)
  }

  #preview({ denoised }: PoolProgress): void {
    const underway = new Map(this.#underway)
    if (![...underway.values()].some(({ request }) => request.wantsPreview())) return
    void denoised()
      .then(async ({ images, samples, heights }) => {
        using owned = images
        const values = Float32Array.from(await owned.data())
        const size = values.length / samples.length
        for (const [i, sample] of samples.entries()) {
          const wanted = underway.get(sample)
          wanted?.request.preview({
            sample: wanted.index,
            height: heights[i]!,
            values: values.subarray(i * size, (i + 1) * size),
          })
        }
      })
      .catch(() => {}) // the pool has an error of its own then
  }
}
