import type { Combination, RowCombination } from '../../native/addon.js'
import type { Known, MultistepMethod } from '../multistep-methods/multistep-method.js'
import type { Pool, Row } from '../pool/pool.js'
import { IDENTITY } from './combination.js'
import { rowCombination, type SlotWeights } from './slot-weights.js'

/**
 * What a pool's rows know of the flow, and the steps that a multistep method makes of it. All rows keep their newest value
 * in the same slot, which goes round; a row that joined late knows fewer values and begins at order 1.
 */
export class MultistepHistory {
  /** Slots a row. */
  readonly slots: number
  readonly #pool: Pool
  readonly #method: MultistepMethod
  readonly #next: (row: Row) => number
  /** How many values of a side of the flow's jump are known at most. */
  readonly #most: number
  readonly #sides: number
  #newest = 0

  /**
   * @param next where a row's step ends
   * @param layout `bothSides`: what the formula of the other side of the flow's jump gives is kept as well; `spare`: so
   *   many slots more, the last ones, for the stepper's own use
   */
  constructor(
    pool: Pool,
    method: MultistepMethod,
    next: (row: Row) => number,
    layout: { bothSides?: boolean; spare?: number } = {},
  ) {
    const { bothSides = false, spare = 0 } = layout
    this.#pool = pool
    this.#method = method
    this.#next = next
    this.#most = method.order + 1
    this.#sides = bothSides ? 2 : 1
    this.slots = this.#sides * this.#most + spare
  }

  /** The slot of the newest values. */
  get newest(): number {
    return this.#newest
  }

  /** The known values that a step takes. */
  readonly predicting = (row: Row): readonly Known[] => row.known.slice(0, this.#method.order)

  /** What is evaluated from now on takes the place of the oldest values. */
  advance(): void {
    this.#newest = (this.#newest + 1) % this.#most
  }

  /** Evaluates the flow where the rows from `first` on are. */
  evaluateHere(first = 0): Promise<void> {
    return this.#evaluate(IDENTITY, (row) => row.time, first)
  }

  /** Evaluates the flow where the rows' steps lead. */
  evaluateNext(): Promise<void> {
    return this.#evaluate(this.#statesNext(this.predicting), this.#next)
  }

  async #evaluate(y: Combination | RowCombination, height: (row: Row) => number, first = 0): Promise<void> {
    const rows = this.#pool.rows.slice(first)
    const heights = Float64Array.from(rows, height)
    const slot = this.#newest
    const otherSide = this.#sides === 2 ? slot + this.#most : undefined
    const at = { slot, otherSide, view: this.#method.view, y, steps: ones(rows), heights, first }
    await this.#pool.evaluate(at)
    const other = otherSide === undefined ? {} : { otherSide }
    for (const [i, row] of rows.entries()) {
      // What the slots kept before is gone.
      const older = row.known.filter((known) => known.slot % this.#most !== slot)
      row.known = [{ slot, height: heights[i]!, ...other }, ...older].slice(0, this.#most)
    }
  }

  /** The rows that are moved take their steps, from the known values that each takes. */
  async move(taken: (row: Row) => readonly Known[], moved: Uint8Array): Promise<void> {
    const { rows } = this.#pool
    const next = rows.map((row) => this.#next(row))
    // On its way to the next height a step is what it would be if it ended there.
    await this.#pool.film(moved, (row) => ({
      end: this.#next(row),
      at: (height) => this.stateAt(row, height, taken(row)),
    }))
    await this.#pool.move(this.#statesNext(taken), ones(rows), moved)
    for (const [i, row] of rows.entries()) if (moved[i]) this.#pool.arrive(row, next[i]!)
  }

  #statesNext(taken: (row: Row) => readonly Known[]): RowCombination {
    return rowCombination(this.#pool.rows.map((row) => this.stateAt(row, this.#next(row), taken(row))))
  }

  /** A row's state at a height from the known values it takes. */
  stateAt(row: Row, height: number, known: readonly Known[]): SlotWeights {
    if (height === row.time) return this.sum(1, [], [])
    const heights = known.map((value) => value.height)
    const { ofX, ofKnown } = this.#method.weights(row.time, height, heights)
    return this.sum(ofX, known, ofKnown)
  }

  /** ofX x + sum_j ofKnown[j] f_j with the values f_j that are known. */
  sum(ofX: number, known: readonly Known[], ofKnown: readonly number[]): SlotWeights {
    const ofK = new Array<number>(this.slots).fill(0)
    for (const [j, { slot }] of known.entries()) ofK[slot] = ofKnown[j]!
    return { ofX, ofK }
  }
}

/** Steps of a multistep method have no size: its weights hold it. */
export const ones = (rows: readonly Row[]): Float64Array => new Float64Array(rows.length).fill(1)
