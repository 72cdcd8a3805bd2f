import { expectNumber } from '../check.js'
import { PfgmError } from '../errors.js'
import { info } from '../native/device.js'
import type { SamplerOptions } from '../sampler/sampler.js'
import { Holding, Place, type Served } from './place.js'

/** How many models are in memory. */
export interface ShelfOptions extends Omit<SamplerOptions, 'model'> {
  /**
   * Most bytes of the weights of models that are loaded; the one that was used longest ago makes room for one that is asked
   * for. Default: no matter, all are loaded.
   */
  memory?: number
}

/** Requests that wait until a model is loaded, as `queueLimit` where not given. */
const MOST_WAITING = 1024

/** The models of a service, by their names. */
export class Shelf {
  readonly all: readonly Place[]
  readonly #memory: number
  readonly #mostWaiting: number
  /** Models are loaded one after another. */
  #turn: Promise<unknown> = Promise.resolve()
  #uses = 0

  private constructor(all: readonly Place[], memory: number, mostWaiting: number) {
    this.all = all
    this.#memory = memory
    this.#mostWaiting = mostWaiting
  }

  /**
   * Loads each model; of those that do not fit together each in turn, and then the first ones.
   * @param models names that requests have for models, and what `PoissonFlow.load` takes, or loaded ones, which stay
   *   loaded and do not count
   * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model; RangeError where one is larger than the memory
   */
  static async open(
    models: Readonly<Record<string, SamplerOptions['model']>>,
    { memory = Number.POSITIVE_INFINITY, ...options }: ShelfOptions,
  ): Promise<Shelf> {
    if (memory !== Number.POSITIVE_INFINITY) expectNumber('memory', memory, 1, Number.MAX_SAFE_INTEGER)
    const all = Object.entries(models).map(([name, model]) => new Place(name, model, options))
    const shelf = new Shelf(all, memory, options.queueLimit ?? MOST_WAITING)
    try {
      if (memory !== Number.POSITIVE_INFINITY) await shelf.#measure()
      for (const place of all) if (shelf.#hasRoomFor(place)) (await shelf.#hold(place)).release()
    } catch (error) {
      await shelf.close()
      throw error
    }
    return shelf
  }

  /** Bytes of the weights of models that are loaded, but for those that were given loaded. */
  get bytes(): number {
    return this.#loaded.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get #loaded(): Place[] {
    return this.all.filter(({ isOwn, isLoaded }) => isOwn && isLoaded)
  }

  /**
   * Holds the model of a name, or the only one there is, until it is released; one that is not loaded is waited for.
   * @throws Error of status 404 where there is none of the name, 400 where one must be named
   */
  async hold(name: string | undefined): Promise<{ served: Served; release: () => void }> {
    return this.#hold(this.#expect(name))
  }

  /** The same for as long as some work takes. */
  async use<T>(name: string | undefined, work: (served: Served) => Promise<T>): Promise<T> {
    return this.#use(this.#expect(name), work)
  }

  /** @throws Error of status 404 where there is none of the fingerprint */
  async useOf<T>(fingerprint: string, work: (served: Served) => Promise<T>): Promise<T> {
    const place = this.all.find(({ known }) => known.fingerprint === fingerprint)
    const missing = Object.assign(
      new Error(
        `Expected the fingerprint of a model, as /v1/models has it, but received ${fingerprint.slice(0, 100)}`,
      ),
      { statusCode: 404 },
    )
    if (!place) throw missing
    return this.#use(place, async (served) => {
      // The file of a name may have become another one.
      if (served.fingerprint !== fingerprint) throw missing
      return work(served)
    })
  }

  /** Takes nothing more and frees the models as soon as what was asked for is drawn. */
  async close(): Promise<void> {
    await this.#turn
    await Promise.all(this.all.map((place) => place.unload()))
  }

  #expect(name: string | undefined): Place {
    const isAlone = name === undefined && this.all.length === 1
    const place = this.all.find((each) => isAlone || each.name === name)
    if (place) return place
    const names = this.all.map((each) => each.name).join(', ')
    const received = name === undefined ? 'none' : JSON.stringify(name)
    throw Object.assign(new Error(`Expected model to be one of ${names} but received ${received}`), {
      statusCode: name === undefined ? 400 : 404,
    })
  }

  async #use<T>(place: Place, work: (served: Served) => Promise<T>): Promise<T> {
    const { served, release } = await this.#hold(place)
    try {
      return await work(served)
    } finally {
      release()
    }
  }

  async #hold(place: Place): Promise<{ served: Served; release: () => void }> {
    const holding = place.holding ?? this.#begin(place)
    if (!holding.served && holding.users >= this.#mostWaiting) {
      throw new PfgmError(
        'ERR_PFGM_OVERLOADED',
        `Could not take the request: ${holding.users} wait until ${place.name} is loaded. Try again later`,
      )
    }
    holding.take(++this.#uses)
    const release = () => holding.release(++this.#uses)
    try {
      return { served: await holding.ready, release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Loads a model in its turn; one that could not be loaded may be another time. */
  #begin(place: Place): Holding {
    const before = this.#turn
    const holding = new Holding(async () => {
      await before
      await this.#makeRoomFor(place)
      return place.load()
    })
    place.holding = holding
    this.#turn = holding.ready.catch(() => {
      if (place.holding === holding) place.holding = undefined
    })
    return holding
  }

  /** Has all been loaded once, one at a time. */
  async #measure(): Promise<void> {
    for (const place of this.all.filter(({ isOwn }) => isOwn)) {
      ;(await this.#hold(place)).release()
      await place.unload()
      if (place.bytes <= this.#memory) continue
      throw new RangeError(
        `Expected memory for the largest model but received ${this.#memory} bytes: the weights of ${place.name} are ${place.bytes}`,
      )
    }
  }

  #hasRoomFor({ isOwn, bytes }: Place): boolean {
    return !isOwn || this.bytes + bytes <= this.#memory
  }

  /** Unloads what was used longest ago: of those that nobody uses, else whatever it is, as soon as those are done. */
  async #makeRoomFor(place: Place): Promise<void> {
    while (!this.#hasRoomFor(place)) {
      const loaded = this.#loaded
      const idle = loaded.filter(({ holding }) => holding!.users === 0)
      const [victim] = (idle.length > 0 ? idle : loaded).sort((a, b) => a.holding!.usedAt - b.holding!.usedAt)
      if (!victim) return // what was measured is no more: its file has become another one
      await victim.unload()
    }
  }
}

let known: string | undefined

/** What samples depend on beside their model and settings; it stays the same as long as the process lives. */
export function arithmetic(): string {
  if (known === undefined) {
    const { version, libtorch, instructions, fieldKernel } = info()
    known = [version, libtorch, instructions, fieldKernel].join(' ')
  }
  return known
}
