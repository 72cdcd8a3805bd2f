import { integer, kind, optionsSchema, parse, parseOptions, SIGNAL, TEXT } from '../arguments/schema.js'
import { TENSOR, Tensor } from '../tensor/tensor.js'
import type { MeasureOptions } from './energy-distance.js'
import { CachedFeatures } from './feature-cache.js'
import { FeatureNetwork, type Sees } from './feature-network.js'
import { MOST_FEATURES } from './most-features.js'
import { PictureSet } from './picture-set.js'
import { frechetEstimate, MEASURE_COUNT, type Scores, scores } from './scores.js'
import { FeatureStatistics } from './statistics.js'

/** How samples are scored. */
export interface EvaluateOptions extends MeasureOptions {
  /** What sees the features that are compared. Default: the items' own numbers. */
  readonly features?: FeatureNetwork
  /**
   * A folder where what `features` see in `data` and `training` is kept, by what both are, so that the next call need not
   * look again; where it cannot be written, nothing is kept. Default: none.
   */
  readonly cache?: string
  /** What the model learned from, for how well as many real pictures do, and to tell copies. Default: not known. */
  readonly training?: Tensor
  /** Nearest neighbours that precision, recall, density and coverage measure reach by. Default 5. */
  readonly neighbours?: number
  /** Draws subsets and directions. Default 0. */
  readonly seed?: number
  /** Told now and then how far the measuring is, from 0 to 1, once all samples are there. */
  readonly onProgress?: (fraction: number) => void
}

/** The scores, and of what they are. */
export interface Evaluation extends Scores {
  /** How many samples were scored. */
  readonly samples: number
  /** Items that they were compared with; not known of statistics. */
  readonly items?: number
  /** What features are: a network's name, or `numbers`, the items' own. */
  readonly features: string
}

const SCHEMA = optionsSchema<EvaluateOptions>({
  features: kind<FeatureNetwork>('a FeatureNetwork', (value) => value instanceof FeatureNetwork),
  cache: TEXT,
  training: TENSOR,
  neighbours: integer(1, 1000),
  seed: integer(0, Number.MAX_SAFE_INTEGER - 1),
  onProgress: kind<(fraction: number) => void>('a function', (value) => typeof value === 'function'),
  signal: SIGNAL,
})

const DATA = kind<Tensor | FeatureStatistics>(
  'a tensor or feature statistics',
  (value) => value instanceof Tensor || value instanceof FeatureStatistics,
)

const SAMPLES = kind<Tensor | AsyncIterable<Tensor>>(
  'a tensor or an async iterable of tensors',
  (value) => value instanceof Tensor || (typeof value === 'object' && value !== null && isIterable(value)),
)

/** Errors are those of ten groups of samples, each of two at least. */
const FEWEST = 20
/** Items that features are seen of at a time. */
const CHUNK = 256

/**
 * Scores samples against data: energy distance, sliced Wasserstein distance and, of features, Frechet and kernel distances,
 * precision and recall, density and coverage and, where the network of features gives probabilities, an inception score.
 * Samples may come in parts, which are not held: memory stays the same however many there are. Sums of features are over all
 * of both sets; what compares items with each other takes the first 10,000 of each.
 *
 * @param samples `[n, ...]`, or several such in turn; 20 or more in all
 * @param data of the same shape, 20 items or more, that were not learned from where generalising is to be measured; or
 *   statistics of such, beside which only the Frechet distance is measured
 * @throws RangeError where there are too few of either, TypeError where shapes differ
 */
export async function evaluate(
  samples: Tensor | AsyncIterable<Tensor>,
  data: Tensor | FeatureStatistics,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  parse('samples', SAMPLES, samples)
  parse('data', DATA, data)
  const {
    features,
    training,
    cache,
    neighbours = 5,
    seed = 0,
    onProgress = () => {},
    signal,
  } = parseOptions('evaluate', SCHEMA, options)
  const parts = isIterable(samples) ? samples : inParts(samples)
  const named = features?.name ?? 'numbers'
  if (data instanceof FeatureStatistics) {
    using set = await collect('samples', parts, undefined, features, FEWEST, signal, data.mean.size)
    const frechetDistance = await frechetEstimate(set, data, signal)
    return { samples: set.count, features: named, ...(frechetDistance && { frechetDistance }) }
  }
  const shape = data.shape.slice(1)
  const least = Math.max(FEWEST, neighbours + 1)
  const real = async (name: string, items: Tensor): Promise<PictureSet> => {
    using known =
      features && cache !== undefined ? await CachedFeatures.of(cache, features, items) : undefined
    return await collect(name, inParts(items), shape, known ?? features, least, signal)
  }
  using ofData = await real('data', data)
  using ofSamples = await collect('samples', parts, shape, features, least, signal)
  using learned = training && (await training.slice(0, Math.min(ofSamples.count, training.shape[0] ?? 0)))
  using ofTraining = learned && (await real('training', learned))
  let measured = 0
  const found = await scores(
    { samples: ofSamples, data: ofData, training: ofTraining },
    { seed, neighbours, signal },
    () => onProgress(++measured / MEASURE_COUNT),
  )
  return { samples: ofSamples.count, items: ofData.count, features: named, ...found }
}

/**
 * Statistics of data, for Frechet distances to it.
 * @throws RangeError where there are more features than a covariance is made of
 */
export async function featureStatistics(
  data: Tensor,
  options: Pick<EvaluateOptions, 'features' | 'cache' | 'signal'> = {},
): Promise<FeatureStatistics> {
  parse('data', TENSOR, data)
  const { features, cache, signal } = parseOptions('featureStatistics', SCHEMA, options)
  using known = features && cache !== undefined ? await CachedFeatures.of(cache, features, data) : undefined
  using set = await collect('data', inParts(data), data.shape.slice(1), known ?? features, 2, signal)
  const statistics = await set.statistics()
  if (statistics) return statistics
  throw new RangeError(
    `Expected data of at most ${MOST_FEATURES} features each, but received items [${data.shape.slice(1).join(', ')}]: give features, a network that sees fewer`,
  )
}

/**
 * @param shape that parts must have; undefined: any
 * @param width features that they must have; undefined: any
 */
async function collect(
  name: string,
  parts: AsyncIterable<Tensor>,
  shape: readonly number[] | undefined,
  features: Sees | undefined,
  least: number,
  signal: AbortSignal | undefined,
  width?: number,
): Promise<PictureSet> {
  const set = new PictureSet(features)
  try {
    let known = shape
    for await (const part of parts) {
      signal?.throwIfAborted()
      known ??= parse(name, TENSOR, part).shape.slice(1)
      expectAlike(name, parse(name, TENSOR, part), known)
      await set.add(part)
      if (width !== undefined && set.width !== width) {
        throw new RangeError(
          `Expected statistics of the features that samples have, ${set.width || 'too many to sum'}, but received those of ${width}`,
        )
      }
    }
    if (set.count >= least) return set
    throw new RangeError(`Expected ${name} to have at least ${least} items but received ${set.count}`)
  } catch (error) {
    set.dispose()
    throw error
  }
}

const isIterable = (value: object): value is AsyncIterable<Tensor> => Symbol.asyncIterator in value

function expectAlike(name: string, items: Tensor, shape: readonly number[]): void {
  const own = items.shape.slice(1)
  if (own.join() === shape.join()) return
  throw new TypeError(
    `Expected ${name} to be of the data's shape [${shape.join(', ')}] but received [${own.join(', ')}]`,
  )
}

async function* inParts(items: Tensor): AsyncGenerator<Tensor> {
  const [count = 0] = items.shape
  for (let first = 0; first < count; first += CHUNK) {
    using part = await items.slice(first, Math.min(CHUNK, count - first))
    yield part
  }
}
