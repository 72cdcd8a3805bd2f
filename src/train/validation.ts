import { product } from '../check.js'
import type { Batch } from '../flow/batch.js'
import type { Flow } from '../flow/flow.js'
import { createFlow } from '../flow/kinds.js'
import type { Tensor } from '../tensor/tensor.js'
import type { RunConfig } from './checkpoint.js'
import { labelClassesOf } from './labels.js'
import type { LoadedData } from './run-config.js'
import type { Trainer } from './trainer.js'

/** Every run draws the same noise, whatever its own seed. */
const SEED = 0x5eed_1055n
/** Values of items that are perturbed at once. */
const MOST_VALUES = 2 ** 24
/** Items that go through the network at once. */
const AT_ONCE = 64

/**
 * What training steps make smaller, of items that the run does not learn from: with the averaged weights, all labels, and noise that
 * is the same each time, so that the numbers of a run compare with each other.
 */
export class Validation {
  readonly #config: RunConfig
  readonly #data: LoadedData
  readonly #trainer: Trainer
  readonly #flow: Flow

  /** @param data the items that are held out */
  constructor(config: RunConfig, data: LoadedData, trainer: Trainer) {
    this.#config = config
    this.#data = data
    this.#trainer = trainer
    this.#flow = createFlow(config.flow)
  }

  /** Evaluations of the network that it takes: about one an item. */
  get evaluations(): number {
    return this.#batches * this.#perturbed
  }

  /** As many items as training takes make a field, if there are as many. */
  get #sources(): number {
    return Math.min(this.#config.training.batchSize, this.#data.count)
  }

  get #perturbed(): number {
    const atMost = Math.max(1, Math.floor(MOST_VALUES / product(this.#config.shape)))
    return Math.min(this.#sources, atMost)
  }

  get #batches(): number {
    return Math.ceil(this.#data.count / this.#perturbed)
  }

  /** The mean over the items. @throws the signal's reason */
  async loss(signal: AbortSignal | undefined): Promise<number> {
    let sum = 0
    for (let step = 0; step < this.#batches; step++) {
      using batch = await this.#batch(step)
      sum += await this.#lossOf(batch, signal)
    }
    return sum / this.evaluations
  }

  async #batch(step: number): Promise<Batch> {
    await this.#data.expectUnchanged()
    const { mirror, training, network } = this.#config
    const { labels, tensor } = this.#data
    const draw = {
      seed: SEED,
      step,
      batchSize: this.#sources,
      smallBatchSize: this.#perturbed,
      wholeData: training.fieldBatch === 'full',
      mirror,
      ...(labelClassesOf(network) > 0 && labels && { labels: { classes: labels.tensor, dropout: 0 } }),
    }
    return this.#flow.batch(tensor, draw, this.#trainer.device)
  }

  /** The sum over a batch. */
  async #lossOf({ x, z, target, weight, labels }: Batch, signal: AbortSignal | undefined): Promise<number> {
    const targets = await target.data()
    const weights = await weight?.data()
    const classes = labels && Int32Array.from(await labels.data(), Number)
    const columns = targets.length / z.size
    let sum = 0
    for (let first = 0; first < z.size; first += AT_ONCE) {
      signal?.throwIfAborted()
      const count = Math.min(AT_ONCE, z.size - first)
      const given = await this.#outputs(x, z, classes, first, count)
      for (let row = 0; row < count; row++) {
        const wanted = targets.subarray((first + row) * columns, (first + row + 1) * columns)
        sum += (weights?.[first + row] ?? 1) * halfSquares(given, row, wanted)
      }
    }
    return sum
  }

  async #outputs(
    x: Tensor<'float32'>,
    z: Tensor<'float32'>,
    classes: Int32Array | undefined,
    first: number,
    count: number,
  ): Promise<Outputs> {
    using points = await x.slice(first, count)
    using heights = await z.slice(first, count)
    const given = await this.#trainer.averaged.forward(points, heights, classes?.slice(first, first + count))
    using images = given.x
    using vertical = given.z
    return { x: await images.data(), z: await vertical?.data() }
  }
}

/** What a network gives for some rows. */
interface Outputs {
  readonly x: Float32Array
  readonly z: Float32Array | undefined
}

/** Half the squared distance of a row from what is wanted, whose last number is of z where there is one. */
function halfSquares({ x, z }: Outputs, row: number, wanted: Float32Array): number {
  const dimensions = wanted.length - (z ? 1 : 0)
  let sum = z ? (z[row]! - wanted[dimensions]!) ** 2 : 0
  for (let i = 0; i < dimensions; i++) sum += (x[row * dimensions + i]! - wanted[i]!) ** 2
  return sum / 2
}
