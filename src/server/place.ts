import { fingerprintOf } from '../model/fingerprint.js'
import type { PoissonFlow } from '../poisson-flow.js'
import { createSampler, type Sampler, type SamplerFigures, type SamplerOptions } from '../sampler/sampler.js'

/** A model that is served, loaded. */
export interface Served {
  readonly name: string
  /** Of its file. */
  readonly fingerprint: string
  readonly sampler: Sampler
}

/** What is known of a model, be it loaded or not. */
export interface Known extends Pick<PoissonFlow, 'config' | 'classCount'> {
  readonly fingerprint: string
  readonly shape: readonly number[]
  readonly bytes: number
}

/** A model that is loaded, or about to be. */
export class Holding {
  readonly ready: Promise<Served>
  /** Undefined until then. */
  served: Served | undefined
  /** Those who use it, or wait for it. */
  users = 0
  /** The larger, the later. */
  usedAt = 0
  #idle: (() => void)[] = []

  constructor(load: () => Promise<Served>) {
    this.ready = load().then((served) => {
      this.served = served
      return served
    })
  }

  take(now: number): void {
    this.users += 1
    this.usedAt = now
  }

  release(now: number): void {
    this.users -= 1
    this.usedAt = now
    if (this.users === 0) for (const idle of this.#idle.splice(0)) idle()
  }

  /** Resolves when nobody uses it. */
  async idle(): Promise<void> {
    if (this.users > 0) await new Promise<void>((idle) => this.#idle.push(idle))
  }
}

const BYTES = Float32Array.BYTES_PER_ELEMENT

/** A model's place on the shelf. */
export class Place {
  readonly name: string
  holding: Holding | undefined
  /** How often it was loaded. */
  loads = 0
  readonly #model: SamplerOptions['model']
  readonly #options: Omit<SamplerOptions, 'model'>
  #known: Known | undefined
  /** Of samplers that are gone. */
  #past = { calls: 0, evaluations: 0, drawn: 0 }

  constructor(name: string, model: SamplerOptions['model'], options: Omit<SamplerOptions, 'model'>) {
    this.name = name
    this.#model = model
    this.#options = options
  }

  /** Of one that was loaded once. */
  get known(): Known {
    return this.#known!
  }

  /** Of its weights; 0 until it was loaded once. */
  get bytes(): number {
    return this.#known?.bytes ?? 0
  }

  /** Whether it may be loaded and unloaded as is needed: not one that was given loaded. */
  get isOwn(): boolean {
    return typeof this.#model === 'string'
  }

  get isLoaded(): boolean {
    return this.holding?.served !== undefined
  }

  /** Of all times that it was loaded. */
  get figures(): SamplerFigures {
    const now = this.holding?.served?.sampler.figures ?? NOTHING
    const { calls, evaluations, drawn } = this.#past
    return {
      ...now,
      calls: calls + now.calls,
      evaluations: evaluations + now.evaluations,
      drawn: drawn + now.drawn,
    }
  }

  async load(): Promise<Served> {
    const sampler = await createSampler({ ...this.#options, model: this.#model })
    const { model } = sampler
    const fingerprint = await fingerprintOf(model).catch(async (error: unknown) => {
      await sampler.close()
      throw error
    })
    const { config, classCount, network } = model
    const bytes = network.parameterCount * BYTES
    this.loads += 1
    this.#known = { config, classCount, fingerprint, shape: network.itemShape, bytes }
    return { name: this.name, fingerprint, sampler }
  }

  /** Nobody gets it any more; it is freed as soon as those who have it are done. */
  async unload(): Promise<void> {
    const { holding } = this
    this.holding = undefined
    if (!holding) return
    await holding.idle()
    const { sampler } = await holding.ready
    await sampler.close()
    const { calls, evaluations, drawn } = sampler.figures
    this.#past.calls += calls
    this.#past.evaluations += evaluations
    this.#past.drawn += drawn
  }
}

const NOTHING: SamplerFigures = { rows: 0, waiting: 0, calls: 0, evaluations: 0, drawn: 0 }
