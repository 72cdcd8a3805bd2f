import type { Combination, RowCombination } from '../native/addon.js'
import { IDENTITY } from './combination.js'
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
    await this.#move(this.#prediction(), ends)
    await this.#pool.retire([...ends.keys()].filter((i) => ends[i] === 1))
    const staying = this.#pool.rows
    if (staying.length === 0) return
    const all = new Uint8Array(staying.length).fill(1)
    this.#newest = (this.#newest + 1) % this.slots
    if (this.#solver.method.corrects) {
      await this.#evaluateAt(this.#prediction(), (row) => this.#next(row))
      await this.#move(this.#correction(), all)
    } else {
      await this.#move(this.#prediction(), all)
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

  #prediction(): RowCombination {
    return this.#combination((row) => row.known.slice(0, this.#solver.method.order))
  }

  #correction(): RowCombination {
    return this.#combination((row) => row.known)
  }

  /** Each row's next state from the known values it takes. */
  #combination(taken: (row: Row) => readonly Known[]): RowCombination {
    const { rows } = this.#pool
    const ofX = new Float64Array(rows.length)
    const ofK = new Float64Array(rows.length * this.slots)
    for (const [i, row] of rows.entries()) {
      const known = taken(row)
      const weights = this.#solver.method.weights(
        row.time,
        this.#next(row),
        known.map(({ height }) => height),
      )
      ofX[i] = weights.ofX
      for (const [j, { slot }] of known.entries()) ofK[i * this.slots + slot] = weights.ofKnown[j]!
    }
    return { ofX, ofK }
  }

  async #move(y: RowCombination, moved: Uint8Array): Promise<void> {
    const { rows } = this.#pool
    const next = rows.map((row) => this.#next(row))
    await this.#pool.move(y, ones(rows), moved)
    for (const [i, row] of rows.entries()) if (moved[i]) this.#pool.arrive(row, next[i]!)
  }
}

const ones = (rows: readonly Row[]): Float64Array => new Float64Array(rows.length).fill(1)
