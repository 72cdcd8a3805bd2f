import type { Combination, RowCombination } from '../native/addon.js'
import { IDENTITY } from './combination.js'
import type { SlotWeights } from './dense-output.js'
import type { Known, MultistepMethod } from './multistep-method.js'
import type { Pool, Row } from './pool.js'

/**
 * What a pool's rows know of the flow, and the steps that a multistep method makes of it. All rows keep their newest value
 * in the same slot, which goes round; a row that joined late knows fewer values and begins at order 1.
 */
export class MultistepHistory {
  readonly slots: number
  readonly #pool: Pool
  readonly #method: MultistepMethod
  readonly #next: (row: Row) => number
  #newest = 0

  /** @param next where a row's step ends */
  constructor(pool: Pool, method: MultistepMethod, next: (row: Row) => number) {
    this.#pool = pool
    this.#method = method
    this.#next = next
    this.slots = method.order + 1
  }

  /** The known values that a step takes. */
  readonly predicting = (row: Row): readonly Known[] => row.known.slice(0, this.#method.order)

  /** What is evaluated from now on takes the place of the oldest values. */
  advance(): void {
    this.#newest = (this.#newest + 1) % this.slots
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
    await this.#pool.evaluate(this.#newest, this.#method.view, y, ones(rows), heights, first)
    for (const [i, row] of rows.entries()) {
      // What the slot kept before is gone.
      const older = row.known.filter(({ slot }) => slot !== this.#newest)
      row.known = [{ slot: this.#newest, height: heights[i]! }, ...older].slice(0, this.slots)
    }
  }

  /** The rows that are moved take their steps, from the known values that each takes. */
  async move(taken: (row: Row) => readonly Known[], moved: Uint8Array): Promise<void> {
    const { rows } = this.#pool
    const next = rows.map((row) => this.#next(row))
    // On its way to the next height a step is what it would be if it ended there.
    await this.#pool.film(moved, (row) => ({
      end: this.#next(row),
      at: (height) => this.#stateAt(row, height, taken(row)),
    }))
    await this.#pool.move(this.#statesNext(taken), ones(rows), moved)
    for (const [i, row] of rows.entries()) if (moved[i]) this.#pool.arrive(row, next[i]!)
  }

  #statesNext(taken: (row: Row) => readonly Known[]): RowCombination {
    return this.combination((row) => this.#stateAt(row, this.#next(row), taken(row)))
  }

  /** A row's state at a height from the known values it takes. */
  #stateAt(row: Row, height: number, known: readonly Known[]): SlotWeights {
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

  /** A sum of each of the pool's rows. */
  combination(of: (row: Row) => SlotWeights): RowCombination {
    const weights = this.#pool.rows.map(of)
    return {
      ofX: Float64Array.from(weights, ({ ofX }) => ofX),
      ofK: Float64Array.from(weights.flatMap(({ ofK }) => ofK)),
    }
  }
}

/** Steps of a multistep method have no size: its weights hold it. */
export const ones = (rows: readonly Row[]): Float64Array => new Float64Array(rows.length).fill(1)
