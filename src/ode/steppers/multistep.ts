import type { Pool, Row } from '../pool/pool.js'
import type { MultistepSolver } from '../solver.js'
import { MultistepHistory } from './multistep-history.js'
import type { Stepper } from './stepper.js'

/** Steps of a linear multistep method along given heights: one evaluation each. */
export class Multistep implements Stepper {
  readonly evaluationsPerStep = 1
  readonly #pool: Pool
  readonly #solver: MultistepSolver
  readonly #history: MultistepHistory

  constructor(pool: Pool, solver: MultistepSolver) {
    this.#pool = pool
    this.#solver = solver
    this.#history = new MultistepHistory(pool, solver.method, (row) => this.#next(row))
  }

  get slots(): number {
    return this.#history.slots
  }

  async begin(first: number): Promise<void> {
    await this.#history.evaluateHere(first)
  }

  async step(): Promise<void> {
    const history = this.#history
    const { rows, end } = this.#pool
    const ends = Uint8Array.from(rows, (row) => (this.#next(row) === end ? 1 : 0))
    await history.move(history.predicting, ends)
    await this.#pool.retire([...ends.keys()].filter((i) => ends[i] === 1))
    const staying = this.#pool.rows
    if (staying.length === 0) return
    const all = new Uint8Array(staying.length).fill(1)
    history.advance()
    if (this.#solver.method.corrects) {
      await history.evaluateNext()
      await history.move((row) => row.known, all)
    } else {
      await history.move(history.predicting, all)
      await history.evaluateHere()
    }
  }

  #next(row: Row): number {
    return this.#solver.steps.heights[row.taken + 1]!
  }
}
