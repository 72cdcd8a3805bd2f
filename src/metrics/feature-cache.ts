import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheRoot } from '../../scripts/install/cache.js'
import { PfgmError } from '../errors.js'
import { native } from '../native/native.js'
import { Tensor } from '../tensor/tensor.js'
import type { FeatureNetwork, Seen, Sees } from './feature-network.js'

/** What a set of data may take, as float32: 60,000 items of 2048 features. */
const MOST_BYTES = 2 ** 29

/** Where the package itself keeps what networks see. */
export const featuresFolder = (): string => join(cacheRoot(), 'features')

/** A network that is shown all items of a set once, in order; what it sees is kept in a folder for the next time. */
export class CachedFeatures implements Sees, Disposable {
  readonly #network: FeatureNetwork
  readonly #paths: Record<keyof Seen, string>
  readonly #known: Seen | undefined
  readonly #count: number
  readonly #seen: Seen[] = []
  #shown = 0

  private constructor(
    network: FeatureNetwork,
    paths: Record<keyof Seen, string>,
    known: Seen | undefined,
    count: number,
  ) {
    this.#network = network
    this.#paths = paths
    this.#known = known
    this.#count = count
  }

  static async of(folder: string, network: FeatureNetwork, items: Tensor): Promise<CachedFeatures> {
    const [count = 0, ...shape] = items.shape
    const hash = await native().hashTensor(items.handle, count)
    const name = [network.fingerprint, items.dtype, count, ...shape, hash].join('-')
    const path = join(folder, name)
    const paths = { features: `${path}.npy`, probabilities: `${path}-probabilities.npy` }
    const features = await read(paths.features, count)
    const known = features && { features, probabilities: await read(paths.probabilities, count) }
    return new CachedFeatures(network, paths, known, count)
  }

  async of(images: Tensor): Promise<Seen> {
    const [first, count = 0] = [this.#shown, images.shape[0]]
    this.#shown += count
    if (this.#known) return part(this.#known, first, count)
    const seen = await this.#network.of(images)
    if (this.#count * (seen.features.shape[1] ?? 0) * 4 <= MOST_BYTES) {
      this.#seen.push(await part(seen, 0, count))
      if (this.#shown === this.#count) await this.#keep()
    }
    return seen
  }

  /** Features last: where they are, the rest is. Where nothing can be written, nothing is kept. */
  async #keep(): Promise<void> {
    const probabilities = this.#seen.flatMap((seen) => seen.probabilities ?? [])
    const features = this.#seen.map((seen) => seen.features)
    try {
      await mkdir(dirname(this.#paths.features), { recursive: true })
      if (probabilities.length > 0) await write(this.#paths.probabilities, probabilities)
      await write(this.#paths.features, features)
    } catch (error) {
      if (!(error instanceof PfgmError) && !('syscall' in (error as object))) throw error
    }
  }

  [Symbol.dispose](): void {
    for (const seen of [this.#known, ...this.#seen]) {
      seen?.features.dispose()
      seen?.probabilities?.dispose()
    }
  }
}

async function part({ features, probabilities }: Seen, first: number, count: number): Promise<Seen> {
  return {
    features: await features.slice(first, count),
    probabilities: await probabilities?.slice(first, count),
  }
}

/** @returns undefined where there is no whole file of so many rows */
async function read(path: string, rows: number): Promise<Tensor<'float32'> | undefined> {
  try {
    const found = await Tensor.loadNpy(path, 'float32')
    if (found.shape.length === 2 && found.shape[0] === rows) return found
    found.dispose()
  } catch (error) {
    if (!(error instanceof PfgmError)) throw error
  }
  return undefined
}

async function write(path: string, parts: readonly Tensor<'float32'>[]): Promise<void> {
  using whole = await Tensor.concat(parts)
  await whole.saveNpy(path)
}
