import { product } from '../check.js'
import { energyDistance, energyFloor, type MeasureOptions } from '../metrics/energy-distance.js'
import { frechetDistance } from '../metrics/feature-distances.js'
import { classesOf } from '../nn/config.js'
import { isDrawable } from '../tensor/picture.js'
import { Tensor } from '../tensor/tensor.js'
import type { RunConfig } from './checkpoint.js'
import type { EndEvent, Measured } from './events.js'
import type { LoadedData } from './run-config.js'
import { type Drawn, EVALUATIONS, Sampler, type Watch } from './sampler.js'
import type { Trainer } from './trainer.js'

/** Samples of the pictures that a run draws. */
const PICTURE_SAMPLES = 64
const PICTURE_POINTS = 5000
/** Fewer, unless asked for, are not measured: chance decides what they score. */
const MEASURED = 100
/** Differences of two numbers that comparing the data with itself may take: seconds. */
const MOST_DIFFERENCES = 4e9
/** A distance takes a root beside its differences, which costs about so many. */
const ROOT = 20
/** Where not all of the data is compared, the items of so many places in it are: it may be sorted. */
const PLACES = 64

/** What there is to say of the samples, as far as it has been found. */
export type Found = { -readonly [Key in 'picture' | 'distance']?: NonNullable<EndEvent[Key]> } & {
  /** Whether there was no time for a sample. */
  noTime?: boolean
}

/** Draws the samples of a run, shows them and measures how far from the data they are. */
export class Evaluation {
  readonly #config: RunConfig
  readonly #data: Tensor
  readonly #sampler: Sampler
  readonly #picture: string

  constructor(config: RunConfig, { tensor, labels }: LoadedData, trainer: Trainer, picture: string) {
    this.#config = config
    this.#data = tensor
    this.#sampler = new Sampler(config, trainer, classesOf(config.network) > 0 ? labels?.values : undefined)
    this.#picture = picture
  }

  get pictureSamples(): number {
    return this.#config.shape.length === 1 ? PICTURE_POINTS : PICTURE_SAMPLES
  }

  /** What it takes to draw and to measure one. */
  get evaluationsPerSample(): number {
    return EVALUATIONS
  }

  async secondsPerEvaluation(step: number, watch: Watch): Promise<number> {
    return this.#sampler.secondsPerEvaluation(step, watch)
  }

  /** So many samples, or as many as there is time for. @param seconds undefined: as many as it takes */
  async draw(
    step: number,
    count: number,
    seconds: number | undefined,
    watch: Watch,
  ): Promise<Drawn | undefined> {
    if (seconds === undefined) return this.#sampler.all(step, count, watch)
    return this.#sampler.within(
      seconds,
      step,
      { first: Math.min(count, this.pictureSamples), most: count },
      watch,
    )
  }

  /** @param count samples that are to be measured; 0 for none */
  async run(
    step: number,
    count: number,
    seconds: number | undefined,
    found: Found,
    watch: Watch,
  ): Promise<void> {
    const shown = isDrawable(this.#config.shape) ? this.pictureSamples : 0
    const asked = seconds === undefined
    const wanted = asked ? count : Math.max(count, shown)
    if (wanted <= 1) return
    const drawn = await this.draw(step, wanted, seconds, watch)
    if (!drawn) {
      found.noTime = true
      return
    }
    using images = drawn.images
    const [samples = 0] = images.shape
    if (shown > 0) {
      using first = await images.slice(0, Math.min(shown, samples))
      await first.savePng(this.#picture)
      found.picture = this.#picture
    }
    if (count <= 1 || (!asked && (!drawn.exact || samples < Math.min(count, MEASURED)))) return
    watch.signal?.throwIfAborted()
    using items = await this.#items()
    const options = watch.signal ? { signal: watch.signal } : {}
    const value = await energyDistance(images, items, options)
    const floor = await energyFloor(items, samples, 5, options)
    const frechet = await this.#frechet(images, items, options)
    found.distance = { value, samples, items: items.shape[0] ?? 0, floor, ...frechet }
  }

  /**
   * How far so many samples are from the data.
   * @param maxEvaluations of a sample; undefined is returned where one needs more
   */
  async distance(
    step: number,
    count: number,
    maxEvaluations: number,
    watch: Watch,
  ): Promise<Measured['distance']> {
    const drawn = await this.#sampler.all(step, count, watch, maxEvaluations)
    using images = drawn.images
    if (!drawn.exact) return undefined
    watch.signal?.throwIfAborted()
    using items = await this.#items()
    const options = watch.signal ? { signal: watch.signal } : {}
    const value = await energyDistance(images, items, options)
    return {
      value,
      samples: count,
      items: items.shape[0] ?? 0,
      ...(await this.#frechet(images, items, options)),
    }
  }

  async #frechet(images: Tensor, items: Tensor, options: MeasureOptions): Promise<{ frechet?: number }> {
    if (this.#config.keepBest !== 'fd') return {}
    return { frechet: await frechetDistance(images, items, options) }
  }

  #items(): Promise<Tensor> {
    return itemsOf(this.#data, product(this.#config.shape))
  }
}

/** All items, or as many as can be compared with each other in bearable time. */
async function itemsOf(data: Tensor, dimensions: number): Promise<Tensor> {
  const [count = 0] = data.shape
  const most = Math.floor(Math.sqrt(MOST_DIFFERENCES / (dimensions + ROOT)))
  if (count <= most) return data.slice(0, count)
  const size = Math.max(1, Math.floor(most / PLACES))
  const places = Math.min(PLACES, most)
  const parts: Tensor[] = []
  try {
    for (let place = 0; place < places; place++) {
      const first = Math.floor((place * (count - size)) / Math.max(1, places - 1))
      parts.push(await data.slice(first, size))
    }
    return await Tensor.concat(parts)
  } finally {
    for (const part of parts) part.dispose()
  }
}
