import { orAborted } from '../arguments/signal.js'
import { PfgmError } from '../errors.js'
import type { Conditions } from '../model/conditions.js'
import type { Measurement } from '../model/measurement.js'
import { sampleKeys } from '../model/samples.js'
import type { NativeRows } from '../native/addon.js'
import type { SampleStatus } from '../ode/pool/statistics.js'

/** Numbers of previews that are kept for a request: 64 MB. */
const MOST_PREVIEWED = 2 ** 24

/** Samples that were asked for, drawn. */
export interface SubmittedSamples {
  /** `[count, ...itemShape]`, data values one sample after another: images in about [-1, 1], unclipped. */
  readonly values: Float32Array
  /** `[count, ...itemShape]`. */
  readonly shape: readonly number[]
  /** Network evaluations of each. */
  readonly evaluations: Int32Array
  /** How the path of each ended. */
  readonly status: readonly SampleStatus[]
  /** What it took. */
  readonly milliseconds: {
    /** Of waiting for room. */
    readonly queued: number
    /** From then on. */
    readonly drawn: number
  }
}

/** What a sample would be if its path went on straight. */
export interface Preview {
  /** Which sample of the request. */
  readonly sample: number
  /** Where its path is. */
  readonly height: number
  /** `itemShape`, data values. */
  readonly values: Float32Array
}

/** A request's samples, as soon as all are there, and previews of them while they are under way. */
export interface Submission extends AsyncIterable<Preview> {
  /** @throws as `submit` says */
  readonly result: Promise<SubmittedSamples>
}

interface Arrived {
  readonly values: Float32Array
  readonly evaluations: number
  readonly status: SampleStatus
}

/** What is asked for, and what has come of it. */
export class Request implements Submission {
  readonly seed: bigint
  readonly count: number
  readonly conditions: Conditions
  readonly priority: number
  /** When it must have begun, in milliseconds of the clock. */
  readonly due: number
  readonly since = performance.now()
  readonly result: Promise<SubmittedSamples>
  /** Samples that were let in. */
  admitted = 0
  isGone = false
  /** What leads its samples; there by the time that they are let in. */
  known: Measurement | undefined
  #begun = 0
  #missing: number
  readonly #shape: readonly number[]
  readonly #size: number
  readonly #values: Float32Array
  readonly #evaluations: Int32Array
  readonly #status: SampleStatus[]
  #resolve!: (samples: SubmittedSamples) => void
  #reject!: (error: unknown) => void
  #previews: Preview[] | undefined
  readonly #keepsAll: boolean
  #wake: (() => void) | undefined

  constructor(
    {
      seed,
      count,
      conditions,
      priority,
      due,
    }: Pick<Request, 'seed' | 'count' | 'conditions' | 'priority' | 'due'>,
    itemShape: readonly number[],
    signal: AbortSignal | undefined,
    keepsAllPreviews: boolean,
  ) {
    this.seed = seed
    this.count = count
    this.conditions = conditions
    this.priority = priority
    this.due = due
    this.#keepsAll = keepsAllPreviews
    this.#missing = count
    this.#shape = [count, ...itemShape]
    this.#size = itemShape.reduce((all, side) => all * side, 1)
    this.#values = new Float32Array(count * this.#size)
    this.#evaluations = new Int32Array(count)
    this.#status = new Array<SampleStatus>(count).fill('done')
    const drawn = new Promise<SubmittedSamples>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.result = orAborted(signal, () => drawn).finally(() => this.#end())
    // Whoever follows the previews alone hears of an error there.
    this.result.catch(() => {})
  }

  /** What a sample of it carries. */
  row(index: number): NativeRows {
    return { keys: sampleKeys(this.seed, index, 1), ...this.conditions(index, 1) }
  }

  /** A part of it is let in. */
  admit(rows: number): void {
    if (this.admitted === 0) this.#begun = performance.now()
    this.admitted += rows
  }

  arrived(index: number, { values, evaluations, status }: Arrived): void {
    if (this.isGone) return
    if (status === 'notFinite') {
      this.fail(
        new PfgmError(
          'ERR_PFGM_NOT_FINITE',
          `Sample ${index} came to no end: the field on its path is not finite or not smooth. Train longer, or use a fixed number of steps (solver heun)`,
        ),
      )
      return
    }
    this.known?.settle(values)
    this.#values.set(values, index * this.#size)
    this.#evaluations[index] = evaluations
    this.#status[index] = status
    this.#missing -= 1
    if (this.#missing > 0) return
    const now = performance.now()
    this.#resolve({
      values: this.#values,
      shape: this.#shape,
      evaluations: this.#evaluations,
      status: this.#status,
      milliseconds: { queued: this.#begun - this.since, drawn: now - this.#begun },
    })
  }

  fail(error: unknown): void {
    this.#reject(error)
  }

  wantsPreview(): boolean {
    return this.#previews !== undefined && !this.isGone
  }

  /** For whoever is slow the newest of each sample is kept, or all that there is room for. */
  preview(preview: Preview): void {
    if (!this.#previews) return
    const isKept = this.#keepsAll ? () => true : ({ sample }: Preview) => sample !== preview.sample
    const room = Math.max(1, Math.floor(MOST_PREVIEWED / this.#size))
    this.#previews = [...this.#previews.filter(isKept), preview].slice(-room)
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Preview> {
    this.#previews ??= []
    const isLeft = () => this.#keepsAll && this.#previews!.length > 0
    while (!this.isGone || isLeft()) {
      const given = this.#previews
      this.#previews = []
      yield* given
      if (this.#previews.length > 0 || this.isGone) continue
      await new Promise<void>((wake) => {
        this.#wake = wake
      })
    }
    await this.result
  }

  #end(): void {
    this.isGone = true
    this.#wake?.()
  }
}
