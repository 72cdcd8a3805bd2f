import { z } from 'zod'
import {
  type Fields,
  integer,
  kind,
  number,
  optionsSchema,
  parse,
  parseOptions,
  SEED,
  SIGNAL,
} from '../arguments/schema.js'
import { expectInteger } from '../check.js'
import { PfgmError } from '../errors.js'
import { CONDITION_FIELDS, type ConditionOptions } from '../model/conditions.js'
import { keptPixels } from '../model/fill.js'
import type { ImageTensor } from '../model/images.js'
import { expectDenoising } from '../model/measurement.js'
import { SAMPLING_FIELDS, type SamplingOptions, samplingSettings } from '../model/sample.js'
import type { Device } from '../native/device.js'
import { DEVICE } from '../native/device.js'
import type { CallWatcher, SharedFlow } from '../ode/pool/shared-flow.js'
import type { Solver } from '../ode/solver.js'
import { PoissonFlow } from '../poisson-flow.js'
import { Tensor } from '../tensor/tensor.js'
import { preparedSolver } from '../tuning/prepared-solver.js'
import { REQUEST_FIELDS, type SolverRequest, type solverOrGoal } from '../tuning/solver-choice.js'
import { wantedSolver } from '../tuning/wanted-solver.js'
import { type Common, OpenSampling } from './open-sampling.js'
import { Request, type Submission } from './request.js'

/** Samples for whoever asks, as a service needs them. */
export interface SamplerOptions {
  /** A model as `PoissonFlow.load` takes it, or one that is loaded, which stays yours. */
  model: string | PoissonFlow
  /** Where a model that is loaded is to run. Default auto. */
  device?: Device
  /** Most samples under way at once, 1 to 65536; more of them are slower each and faster together. Default 64. */
  maxRows?: number
  /** Most samples that wait for room, 0 to 1e6; what is asked for beyond is refused. Default 1024. */
  queueLimit?: number
}

/** What is asked of a sampler. */
export interface SampleRequest
  extends SolverRequest,
    ConditionOptions,
    Pick<
      SamplingOptions,
      'count' | 'seed' | 'temperature' | 'precision' | 'bfloat16Above' | 'maxEvaluations' | 'signal'
    > {
  /** Those of a higher one are let in first, whenever they came: -100 to 100. Default 0. */
  priority?: number
  /** Milliseconds within which it must have begun: else it is refused. Default: no matter. */
  deadline?: number
  /**
   * Whether previews will be asked for: of each sample the newest that there is when one is, or `all`, as many as go into 64
   * MB. Default false.
   */
  previews?: boolean | 'all'
  /** An image of which parts are to be filled in, and where: as of `PoissonFlow.fill`. Both must live until the result. */
  fill?: {
    /** One image, `[1, ...itemShape]`. */
    readonly image: ImageTensor
    /** Likewise, or `[1, 1, height, width]`: filled in where it is above 0, or a pixel above 127. */
    readonly mask: ImageTensor
  }
}

/** What a sampler is at. */
export interface SamplerFigures {
  /** Samples under way. */
  readonly rows: number
  /** Samples that wait for room. */
  readonly waiting: number
  /** Network calls so far. */
  readonly calls: number
  /** Rows that went through the network in them. */
  readonly evaluations: number
  /** Samples that are drawn. */
  readonly drawn: number
}

const SAMPLER_SCHEMA = optionsSchema<SamplerOptions>({
  model: kind<SamplerOptions['model']>(
    'the name of a model or a PoissonFlow',
    (value) => (typeof value === 'string' && value !== '') || value instanceof PoissonFlow,
  ),
  device: DEVICE,
  maxRows: integer(1, 65536),
  queueLimit: integer(0, 1_000_000),
})

const { temperature, precision, bfloat16Above, maxEvaluations } = SAMPLING_FIELDS
const REQUEST_SCHEMA = optionsSchema<SampleRequest>({
  ...REQUEST_FIELDS,
  ...CONDITION_FIELDS,
  ...{ temperature, precision, bfloat16Above, maxEvaluations },
  count: integer(1, 65536),
  seed: SEED,
  signal: SIGNAL,
  priority: number(-100, 100),
  deadline: number(0, 1e9),
  previews: z.union([z.boolean(), z.literal('all')], { error: 'true, false or all' }),
  fill: kind<NonNullable<SampleRequest['fill']>>(
    'an image and a mask, both tensors',
    (value) => isPair(value) && value.image instanceof Tensor && value.mask instanceof Tensor,
  ),
} satisfies Fields<SampleRequest>)

function isPair(value: unknown): value is Partial<NonNullable<SampleRequest['fill']>> {
  return typeof value === 'object' && value !== null
}

/** A sample that needs more has no end in sight. */
const MOST_EVALUATIONS = 10_000

/**
 * A model that draws samples for many at a time: requests of whatever solvers, tolerances, labels and seeds share their
 * network calls, and each gets what `PoissonFlow.sample` gives it alone, to the bit.
 * @throws TypeError or RangeError for wrong options; as `PoissonFlow.load`
 */
export async function createSampler(options: SamplerOptions): Promise<Sampler> {
  const {
    model,
    device,
    maxRows = 64,
    queueLimit = 1024,
  } = parseOptions('createSampler', SAMPLER_SCHEMA, options)
  if (model instanceof PoissonFlow) return new Sampler(model, maxRows, queueLimit, false)
  return new Sampler(await PoissonFlow.load(model, device ? { device } : {}), maxRows, queueLimit, true)
}

/** Draws samples for many at a time: see `createSampler`. */
export class Sampler implements AsyncDisposable {
  /** What it draws from. */
  readonly model: PoissonFlow
  readonly #maxRows: number
  readonly #queueLimit: number
  readonly #isOwn: boolean
  /** Those that have work, by their settings. */
  readonly #samplings = new Map<string, Promise<OpenSampling>>()
  /** Requests that are not wholly let in, the next one first. */
  #queue: { readonly request: Request; readonly sampling: OpenSampling }[] = []
  readonly #open = new Set<Request>()
  #rows = 0
  #calls = 0
  #evaluations = 0
  #drawn = 0
  #isClosed = false
  readonly #watched = new Set<SharedFlow>()
  readonly #countCall: CallWatcher = (rows) => {
    this.#calls += 1
    this.#evaluations += rows
  }
  /** Who waits for what is under way. */
  readonly #watching: (() => void)[] = []

  /** @internal */
  constructor(model: PoissonFlow, maxRows: number, queueLimit: number, isOwn: boolean) {
    this.model = model
    this.#maxRows = maxRows
    this.#queueLimit = queueLimit
    this.#isOwn = isOwn
  }

  /** What it is at. */
  get figures(): SamplerFigures {
    const waiting = [...this.#open].reduce((sum, { count, admitted }) => sum + count - admitted, 0)
    return {
      rows: this.#rows,
      waiting,
      calls: this.#calls,
      evaluations: this.#evaluations,
      drawn: this.#drawn,
    }
  }

  /**
   * Asks for samples.
   * @throws TypeError or RangeError for what cannot be drawn. The result rejects with PfgmError `ERR_PFGM_OVERLOADED` where
   *   too many wait, or the deadline has passed before there was room; `ERR_PFGM_NOT_FINITE` where a sample has no end;
   *   the signal's reason
   */
  submit(given: SampleRequest = {}): Submission {
    const options = parse('request', REQUEST_SCHEMA, given)
    const { count = 1, seed = 0, priority = 0, deadline = Number.POSITIVE_INFINITY, signal, fill } = options
    if (fill) expectDenoising(this.model)
    expectInteger('count', count, 1, this.#maxRows + this.#queueLimit)
    if (this.#isClosed)
      throw new PfgmError(
        'ERR_PFGM_DISPOSED',
        'Expected a sampler that is open but received one that is closed',
      )
    const settings = samplingSettings(this.model, { ...only(options), count, seed })
    const wanted = wantedSolver(this.model, options)
    const request = new Request(
      {
        seed: settings.seed,
        count,
        conditions: settings.conditions,
        priority,
        due: performance.now() + deadline,
      },
      this.model.network.itemShape,
      signal,
      options.previews === 'all',
    )
    const { waiting } = this.figures
    this.#open.add(request)
    request.result
      .then(
        () => {
          this.#drawn += count
        },
        () => this.#forget(request),
      )
      .finally(() => {
        this.#open.delete(request)
        this.#changed()
      })
    if (waiting + count > this.#queueLimit + this.#maxRows - this.#rows) {
      request.fail(overloaded(`${this.#rows} samples are under way and ${waiting} wait`))
      return request
    }
    const { drift } = settings
    const common = {
      temperature: options.temperature,
      drift,
      maxEvaluations: options.maxEvaluations ?? MOST_EVALUATIONS,
      hasPreviews: Boolean(options.previews),
      isLed: fill !== undefined,
    }
    this.#begin(request, common, wanted, fill).catch((error: unknown) => request.fail(error))
    return request
  }

  /** Resolves when all that was asked for has come to its end. */
  async drained(): Promise<void> {
    while (this.#open.size > 0 || this.#rows > 0)
      await new Promise<void>((changed) => this.#watching.push(changed))
  }

  /** Takes nothing more, draws what was asked for, and frees the model that it loaded. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.drained()
    for (const flow of this.#watched) flow.watchers.delete(this.#countCall)
    if (this.#isOwn) this.model.dispose()
  }

  /** The same, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #begin(
    request: Request,
    common: Omit<Common, 'solver'>,
    wanted: ReturnType<typeof solverOrGoal>,
    fill: SampleRequest['fill'],
  ): Promise<void> {
    if (fill) request.known = await keptPixels(this.model, fill.image, fill.mask)
    const sampling = await this.#samplingFor(common, wanted)
    if (request.isGone) sampling.settle()
    else {
      this.#enqueue(request, sampling)
      this.#admit()
    }
  }

  #samplingFor(
    common: Omit<Common, 'solver'>,
    wanted: ReturnType<typeof solverOrGoal>,
  ): Promise<OpenSampling> {
    const name = JSON.stringify([common, wanted])
    const known = this.#samplings.get(name)
    if (known) return known
    const made = this.#prepared(wanted).then((solver) => {
      this.#watchCalls(common.drift)
      return new OpenSampling(this.model, { ...common, solver }, this.#maxRows, {
        left: (rows) => this.#leave(rows),
        idle: () => this.#samplings.delete(name),
      })
    })
    this.#samplings.set(name, made)
    // One that could not be made may be another time.
    made.catch(() => this.#samplings.delete(name))
    return made
  }

  async #prepared(wanted: ReturnType<typeof solverOrGoal>): Promise<Solver> {
    const { solver } = await preparedSolver(this.model, wanted, this.model.flow.far.height, {})
    if (solver.kind === 'predictorCorrector' && solver.norms === 'batch') {
      throw new RangeError(
        "Expected norms: 'sample' but received 'batch': samples of others share the batch here",
      )
    }
    return solver
  }

  #watchCalls(drift: Common['drift']): void {
    const flow = this.model.sharedFlow(drift)
    flow.dispatch = { ...flow.dispatch, maxRows: this.#maxRows }
    flow.watchers.add(this.#countCall)
    this.#watched.add(flow)
  }

  /** By priority, then by when they must have begun, then as they came. */
  #enqueue(request: Request, sampling: OpenSampling): void {
    const at = this.#queue.findIndex(
      ({ request: { priority, due } }) =>
        priority < request.priority || (priority === request.priority && due > request.due),
    )
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, { request, sampling })
  }

  /** Lets in as many as there is room for. */
  #admit(): void {
    for (;;) {
      const [next] = this.#queue
      const room = this.#maxRows - this.#rows
      if (next === undefined || room === 0) return
      const { request, sampling } = next
      if (request.admitted === 0 && performance.now() > request.due) {
        this.#queue.shift()
        request.fail(overloaded('its deadline has passed before there was room'))
        continue
      }
      const [first, rows] = [request.admitted, Math.min(room, request.count - request.admitted)]
      if (first + rows === request.count) this.#queue.shift()
      request.admit(rows)
      this.#rows += rows
      sampling.add(request, first, rows)
    }
  }

  #leave(rows: number): void {
    this.#rows -= rows
    this.#admit()
    this.#changed()
  }

  #changed(): void {
    for (const changed of this.#watching.splice(0)) changed()
  }

  #forget(request: Request): void {
    this.#queue = this.#queue.filter((entry) => entry.request !== request)
    for (const sampling of this.#samplings.values()) {
      sampling.then(
        (open) => {
          open.drop(request)
          open.settle()
        },
        () => {},
      )
    }
  }
}

function overloaded(why: string): PfgmError {
  return new PfgmError(
    'ERR_PFGM_OVERLOADED',
    `Could not take the request: ${why}. Try again later, or ask for fewer samples`,
  )
}

/** What a sampling's own settings are made of. */
function only({
  labels,
  guidance,
  guidanceInterval,
  precision,
  bfloat16Above,
}: SampleRequest): SamplingOptions {
  const all = { labels, guidance, guidanceInterval, precision, bfloat16Above }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}
