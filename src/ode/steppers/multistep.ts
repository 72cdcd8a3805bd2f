import type { Row } from '../pool/row.js'
import type { MultistepSolver } from '../solver.js'
import { type History, MultistepHistory } from './multistep-history.js'
import type { Path } from './path.js'
import type { Stepper, Trajectories } from './stepper.js'

/** Steps of a linear multistep method along given heights: one evaluation each. */
export class Multistep implements Stepper<History> {
  readonly #path: Path
  readonly #solver: MultistepSolver
  readonly #history: MultistepHistory<History>

  constructor(path: Path, solver: MultistepSolver) {
    this.#path = path
    this.#solver = solver
    this.#history = new MultistepHistory(solver.method, (row) => this.#next(row))
  }

  get slots(): number {
    return this.#history.slots
  }

  evaluationsOf(): number {
    return 1
  }

  fresh(): History {
    return { known: [] }
  }

  async begin(samples: Trajectories<History>, first: number): Promise<void> {
    await this.#history.evaluateHere(samples, first)
  }

  async step(samples: Trajectories<History>): Promise<void> {
    const history = this.#history
    const ends = Uint8Array.from(samples.rows, (row) => (this.#next(row) === this.#path.end ? 1 : 0))
    await history.move(samples, history.predicting, ends)
    await samples.retire([...ends.keys()].filter((i) => ends[i] === 1))
    const staying = samples.rows
    if (staying.length === 0) return
    const all = new Uint8Array(staying.length).fill(1)
    history.advance()
    if (this.#solver.method.corrects) {
      await history.evaluateNext(samples)
      await history.move(samples, (row) => row.state.known, all)
    } else {
      await history.move(samples, history.predicting, all)
      await history.evaluateHere(samples)
    }
  }

  #next(row: Row): number {
    return this.#solver.steps.heights[row.taken + 1]!
  }
}
