import { product } from '../check.js'
import { native } from '../native/native.js'
import { Tensor } from '../tensor/tensor.js'
import type { Sees } from './feature-network.js'
import { hasFrechetDistance, MOST_FEATURES } from './most-features.js'
import { type FeatureStatistics, statisticsOf } from './statistics.js'

/** Items that figures about pairs of them are of, in all a square of comparisons; so many are usual. */
const KEPT_ITEMS = 10_000
/** What they may take in all, as float32. */
const KEPT_BYTES = 2 ** 29

type Kept = 'images' | 'features' | 'probabilities'

/**
 * What is known of a set of pictures, which come in parts and are let go: the moments of their features, however many there
 * are, and the first 10,000 of them, for what compares items with each other.
 */
export class PictureSet implements Disposable {
  /** Items so far. */
  count = 0
  /** Whether they are pictures, which are compared as pixels from 0 to 1, clipped, or points. */
  pixels = false
  readonly #network: Sees | undefined
  readonly #kept: Record<Kept, Tensor[]> = {
    images: [],
    features: [],
    probabilities: [],
  }
  #keptCount = 0
  #moments: Tensor<'float64'> | undefined

  /** @param network what sees features; undefined: these are the items' numbers themselves */
  constructor(network: Sees | undefined) {
    this.#network = network
  }

  /** Takes items `[n, ...]`, of the shape of those before. */
  async add(items: Tensor): Promise<void> {
    const [count = 0, ...shape] = items.shape
    await expectFinite(items, this.count)
    this.pixels = shape.length === 3
    const room = Math.min(KEPT_ITEMS, Math.floor(KEPT_BYTES / (4 * product(shape))))
    const kept = Math.max(0, Math.min(count, room - this.#keptCount))
    if (this.#network) {
      const { features, probabilities } = await this.#network.of(items)
      using _features = features
      using _probabilities = probabilities
      await this.#sum(features)
      if (kept > 0) this.#kept.features.push(await features.slice(0, kept))
      if (kept > 0 && probabilities) this.#kept.probabilities.push(await probabilities.slice(0, kept))
    } else if (hasFrechetDistance(shape)) {
      using values = new Tensor<'float32'>(await native().itemNumbers(items.handle, this.pixels))
      await this.#sum(values)
      if (kept > 0) this.#kept.features.push(await values.slice(0, kept))
    }
    if (kept > 0) this.#kept.images.push(await items.slice(0, kept))
    this.#keptCount += kept
    this.count += count
  }

  async #sum(features: Tensor<'float32'>): Promise<void> {
    const [, width = 0] = features.shape
    if (width > MOST_FEATURES) return
    this.#moments ??= new Tensor<'float64'>(native().noMoments(width))
    await native().addMoments(this.#moments.handle, features.handle, this.count)
  }

  /** The items that were kept, as they came. */
  images(): Promise<Tensor> {
    return this.#joined('images')
  }

  /** Of the items that were kept `[n, F]`; undefined where there are too many of each. */
  async features(): Promise<Tensor | undefined> {
    return this.#kept.features.length > 0 ? this.#joined('features') : undefined
  }

  /** Of the items that were kept `[n, classes]`; undefined where the network gives none. */
  async probabilities(): Promise<Tensor | undefined> {
    return this.#kept.probabilities.length > 0 ? this.#joined('probabilities') : undefined
  }

  /** Of all items' features; undefined where there are too many of each. */
  get moments(): Tensor<'float64'> | undefined {
    return this.#moments
  }

  async statistics(): Promise<FeatureStatistics | undefined> {
    return this.#moments && (await statisticsOf(this.#moments))
  }

  async #joined(what: Kept): Promise<Tensor> {
    const parts = this.#kept[what]
    const joined = await Tensor.concat(parts)
    for (const part of parts.splice(0)) part.dispose()
    parts.push(joined)
    return joined
  }

  /** Features of each item that are summed; 0 where there are too many, or no items yet. */
  get width(): number {
    return (this.#moments?.shape[1] ?? 1) - 1
  }

  dispose(): void {
    for (const part of Object.values(this.#kept).flat()) part.dispose()
    this.#moments?.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** @throws RangeError where an item has no number @param first the number of the first item */
export async function expectFinite(items: Tensor, first = 0): Promise<void> {
  const { notFinite } = await native().dataStatistics(items.handle)
  if (notFinite < 0) return
  throw new RangeError(`Expected finite items but item ${first + notFinite} has a NaN or an infinity`)
}
