import type { Row } from '../pool/row.js'
import type { MultistepSolver } from '../solver.js'
import { type History, isFresh, MultistepHistory, moving } from './multistep-history.js'
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

  async begin(): Promise<void> {}

  async step(samples: Trajectories<History>): Promise<void> {
    const history = this.#history
    const ends = Uint8Array.from(samples.rows, (row) => (this.#next(row) === this.#path.end ? 1 : 0))
    await history.move(samples, history.predicting, ends)
    await samples.retire([...ends.keys()].filter((i) => ends[i] === 1))
    const staying = samples.rows
    if (staying.length === 0) return
    const moved = moving(staying)
    history.advance()
    if (this.#solver.method.corrects) {
      await history.evaluateNext(samples)
      await history.move(samples, (row) => row.state.known, moved)
    } else {
      await history.move(samples, history.predicting, moved)
      await history.evaluateHere(samples)
    }
  }

  #next(row: Row<History>): number {
    return isFresh(row) ? row.time : this.#solver.steps.heights[row.taken + 1]!
  }
}
