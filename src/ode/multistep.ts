import type { Combination, RowCombination } from '../native/addon.js'
import { IDENTITY } from './combination.js'
import type { SlotWeights } from './dense-output.js'
import type { Known } from './multistep-method.js'
import type { Pool, Row } from './pool.js'
import type { MultistepSolver } from './solver.js'
import type { Stepper } from './stepper.js'

/**
 * Steps of a linear multistep method: one evaluation each. All samples keep their newest value in the same slot, which
 * goes round; a sample that joined late knows fewer values and begins at order 1.
 */
export class Multistep implements Stepper {
  readonly slots: number
  readonly evaluationsPerStep = 1
  readonly #pool: Pool
  readonly #solver: MultistepSolver
  #newest = 0

  constructor(pool: Pool, solver: MultistepSolver) {
    this.#pool = pool
    this.#solver = solver
    this.slots = solver.method.order + 1
  }

  async begin(first: number): Promise<void> {
    await this.#evaluateHere(first)
  }

  async step(): Promise<void> {
    const { rows, end } = this.#pool
    const ends = Uint8Array.from(rows, (row) => (this.#next(row) === end ? 1 : 0))
    await this.#move(this.#predicting, ends)
    await this.#pool.retire([...ends.keys()].filter((i) => ends[i] === 1))
    const staying = this.#pool.rows
    if (staying.length === 0) return
    const all = new Uint8Array(staying.length).fill(1)
    this.#newest = (this.#newest + 1) % this.slots
    if (this.#solver.method.corrects) {
      await this.#evaluateAt(this.#combination(this.#predicting), (row) => this.#next(row))
      await this.#move(this.#correcting, all)
    } else {
      await this.#move(this.#predicting, all)
      await this.#evaluateHere()
    }
  }

  #next(row: Row): number {
    return this.#solver.steps.heights[row.taken + 1]!
  }

  #evaluateHere(first = 0): Promise<void> {
    return this.#evaluateAt(IDENTITY, (row) => row.time, first)
  }

  /** Evaluates the flow at states and heights and remembers it there. */
  async #evaluateAt(y: Combination | RowCombination, height: (row: Row) => number, first = 0): Promise<void> {
    const { method } = this.#solver
    const rows = this.#pool.rows.slice(first)
    const heights = Float64Array.from(rows, height)
    await this.#pool.evaluate(this.#newest, method.view, y, ones(rows), heights, first)
    for (const [i, row] of rows.entries()) {
      // What the slot kept before is gone.
      const older = row.known.filter(({ slot }) => slot !== this.#newest)
      row.known = [{ slot: this.#newest, height: heights[i]! }, ...older].slice(0, this.slots)
    }
  }

  /** The known values that a step, or what corrects it, takes. */
  readonly #predicting = (row: Row): readonly Known[] => row.known.slice(0, this.#solver.method.order)
  readonly #correcting = (row: Row): readonly Known[] => row.known

  /** Each row's state at its next height. */
  #combination(taken: (row: Row) => readonly Known[]): RowCombination {
    const weights = this.#pool.rows.map((row) => this.#weights(row, this.#next(row), taken(row)))
    return {
      ofX: Float64Array.from(weights, ({ ofX }) => ofX),
      ofK: Float64Array.from(weights.flatMap(({ ofK }) => ofK)),
    }
  }

  /** A row's state at a height from the known values it takes. */
  #weights(row: Row, height: number, known: readonly Known[]): SlotWeights {
    const ofK = new Array<number>(this.slots).fill(0)
    if (height === row.time) return { ofX: 1, ofK }
    const heights = known.map((value) => value.height)
    const { ofX, ofKnown } = this.#solver.method.weights(row.time, height, heights)
    for (const [j, { slot }] of known.entries()) ofK[slot] = ofKnown[j]!
    return { ofX, ofK }
  }

  async #move(taken: (row: Row) => readonly Known[], moved: Uint8Array): Promise<void> {
    const { rows } = this.#pool
    const next = rows.map((row) => this.#next(row))
    // On its way to the next height a step is what it would be if it ended there.
    await this.#pool.film(moved, (row) => ({
      end: this.#next(row),
      at: (height) => this.#weights(row, height, taken(row)),
    }))
    await this.#pool.move(this.#combination(taken), ones(rows), moved)
    for (const [i, row] of rows.entries()) if (moved[i]) this.#pool.arrive(row, next[i]!)
  }
}

const ones = (rows: readonly Row[]): Float64Array => new Float64Array(rows.length).fill(1)
