import type { NativeRows } from '../../native/addon.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { SampleStatus } from './statistics.js'

/** Samples that join a pool. */
export interface Joining {
  /** Their numbers: places in the result and in the statistics. */
  readonly samples: readonly number[]
  /** Their states at the height that paths start from, `[samples, N]`; the pool's to dispose of. */
  readonly states: Tensor<'float64'>
  readonly rows: NativeRows
}

/** Where a pool's samples come from. It ends as soon as none is waiting and none is under way. */
export interface Arrivals {
  /** How many could join now. */
  readonly waiting: number
  /** Whether they join as soon as there is room, as somebody waits for each of them. */
  readonly isUrgent: boolean
  /** Some of those that wait, at least one and at most so many. */
  take(most: number): Promise<Joining>
  /** Whether nobody waits for a sample under way any more: it leaves where it is. */
  isGone?(sample: number): boolean
  /** Samples have left for their places in the result. */
  left?(samples: readonly number[], status: SampleStatus): Promise<void>
}

/** So many samples, one after the other. */
export class Numbered implements Arrivals {
  readonly isUrgent = false
  readonly #count: number
  readonly #start: (first: number, count: number) => Promise<Tensor<'float64'>>
  readonly #rows: (first: number, count: number) => NativeRows
  #taken = 0

  /**
   * @param start the states of samples `first` to `first + count - 1`, float64 `[count, N]`
   * @param rows their keys, the seeds of their own random numbers, and their labels and guidance
   */
  constructor(
    count: number,
    start: (first: number, count: number) => Promise<Tensor<'float64'>>,
    rows: (first: number, count: number) => NativeRows,
  ) {
    this.#count = count
    this.#start = start
    this.#rows = rows
  }

  get waiting(): number {
    return this.#count - this.#taken
  }

  async take(most: number): Promise<Joining> {
    const [first, count] = [this.#taken, Math.min(most, this.waiting)]
    const states = await this.#start(first, count)
    this.#taken += count
    const samples = Array.from({ length: count }, (_, i) => first + i)
    return { samples, states, rows: this.#rows(first, count) }
  }
}
