import type { Combination, RowCombination, StepNoise } from '../../native/addon.js'
import type { Known, MultistepMethod } from '../multistep-methods/multistep-method.js'
import type { Row } from '../pool/row.js'
import { IDENTITY } from './combination.js'
import { rowCombination, type SlotWeights } from './slot-weights.js'
import type { Trajectories } from './stepper.js'

/** Where the flow is known of a sample, newest first. */
export interface History {
  known: readonly Known[]
}

/** Whether a sample has just joined: nothing is known of it until a first step, of no length, that evaluates the flow. */
export const isFresh = ({ state }: Row<History>): boolean => state.known.length === 0

/** A flag for each row, set for those that take a step of some length. */
export const moving = (rows: readonly Row<History>[]): Uint8Array =>
  Uint8Array.from(rows, (row) => (isFresh(row) ? 0 : 1))

/**
 * What rows know of the flow, and the steps that a multistep method makes of it. All rows keep their newest value
 * in the same slot, which goes round; a row that joined late knows fewer values and begins at order 1.
 */
export class MultistepHistory<State extends History> {
  /** Slots a row. */
  readonly slots: number
  readonly #method: MultistepMethod
  readonly #next: (row: Row<State>) => number
  /** How many values of a side of the flow's jump are known at most. */
  readonly #most: number
  readonly #sides: number
  #newest = 0

  /**
   * @param next where a row's step ends; where it is, if nothing is known of it
   * @param layout `bothSides`: what the formula of the other side of the flow's jump gives is kept as well; `spare`: so
   *   many slots more, the last ones, for the stepper's own use
   */
  constructor(
    method: MultistepMethod,
    next: (row: Row<State>) => number,
    layout: { bothSides?: boolean; spare?: number } = {},
  ) {
    const { bothSides = false, spare = 0 } = layout
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
  readonly predicting = (row: Row<State>): readonly Known[] => row.state.known.slice(0, this.#method.order)

  /** What is evaluated from now on takes the place of the oldest values. */
  advance(): void {
    this.#newest = (this.#newest + 1) % this.#most
  }

  /** Evaluates the flow where the rows are. */
  evaluateHere(samples: Trajectories<State>): Promise<void> {
    return this.#evaluate(samples, IDENTITY, (row) => row.time)
  }

  /** Evaluates the flow where the rows' steps lead, and gives what predicts the states there. */
  async evaluateNext(samples: Trajectories<State>): Promise<SlotWeights[]> {
    const predicted = samples.rows.map((row) => this.stateAt(row, this.#next(row), this.predicting(row)))
    await this.#evaluate(samples, rowCombination(predicted), this.#next)
    return predicted
  }

  async #evaluate(
    samples: Trajectories<State>,
    y: Combination | RowCombination,
    height: (row: Row<State>) => number,
  ): Promise<void> {
    const { rows } = samples
    const heights = Float64Array.from(rows, height)
    const slot = this.#newest
    const otherSide = this.#sides === 2 ? slot + this.#most : undefined
    const { view } = this.#method
    await samples.evaluate({ slot, otherSide, view, y, steps: ones(rows), heights })
    const other = otherSide === undefined ? {} : { otherSide }
    for (const [i, row] of rows.entries()) {
      // What the slots kept before is gone.
      const older = row.state.known.filter((known) => known.slot % this.#most !== slot)
      row.state.known = [{ slot, height: heights[i]!, ...other }, ...older].slice(0, this.#most)
    }
  }

  /** The rows that are moved take their steps, from the known values that each takes. */
  async move(
    samples: Trajectories<State>,
    taken: (row: Row<State>) => readonly Known[],
    moved: Uint8Array,
  ): Promise<void> {
    if (!moved.includes(1)) return
    const { rows } = samples
    const next = rows.map((row) => this.#next(row))
    // On its way to the next height a step is what it would be if it ended there.
    await samples.film(moved, (row) => ({
      end: this.#next(row),
      at: (height) => this.stateAt(row, height, taken(row)),
      // Of steps with noise the path between has none, and is not that of a denoised image.
      ...(this.#method.noise && { denoised: this.sum(0, row.state.known.slice(0, 1), [1]) }),
    }))
    const states = rows.map((row, i) =>
      moved[i] ? this.stateAt(row, next[i]!, taken(row)) : this.sum(1, [], []),
    )
    await samples.move({ ...rowCombination(states), noise: this.#noise(rows) }, ones(rows), moved)
    for (const [i, row] of rows.entries()) if (moved[i]) samples.arrive(row, next[i]!)
  }

  /** The noise of the rows' steps, drawn by their numbers. */
  #noise(rows: readonly Row<State>[]): StepNoise | undefined {
    const { noise } = this.#method
    return (
      noise && {
        weights: Float64Array.from(rows, (row) => noise(row.time, this.#next(row))),
        draws: Int32Array.from(rows, ({ taken }) => taken),
      }
    )
  }

  /** A row's state at a height from the known values it takes. */
  stateAt(row: Row<State>, height: number, known: readonly Known[]): SlotWeights {
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
