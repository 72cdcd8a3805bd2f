import type { SlotWeights } from './dense-output.js'
import { MultistepHistory, ones } from './multistep-history.js'
import type { Known } from './multistep-method.js'
import { heightAfter, stepWithinTolerance } from './multistep-step.js'
import type { Pool, Row } from './pool.js'
import type { AdaptiveMultistepSolver } from './solver.js'
import type { Stepper } from './stepper.js'

/**
 * How fast d is taken to change where one value of it is known: by this share of its distance from the state in a unit of
 * ln z, more where that is beyond the state's own size, as it is where the flow is stiff.
 */
const FIRST_RATE = 0.25

/**
 * A predictor-corrector multistep method in the denoised value d whose steps follow each sample's own error. It is
 * estimated from predictions of different orders, so before the evaluation, and no step is rejected. A step ends where
 * the drift jumps, and what is known from before is forgotten there.
 */
export class AdaptiveMultistep implements Stepper {
  readonly evaluationsPerStep = 1
  readonly #pool: Pool
  readonly #solver: AdaptiveMultistepSolver
  readonly #history: MultistepHistory
  /** Just below the height where the drift jumps. */
  readonly #jump: number
  readonly #next = new WeakMap<Row, number>()

  constructor(pool: Pool, solver: AdaptiveMultistepSolver) {
    this.#pool = pool
    this.#solver = solver
    this.#history = new MultistepHistory(pool, solver.method, (row) => this.#next.get(row)!)
    this.#jump = (pool.problem.jump ?? 0) * (1 - Number.EPSILON)
  }

  get slots(): number {
    return this.#history.slots
  }

  async begin(first: number): Promise<void> {
    await this.#history.evaluateHere(first)
  }

  async step(): Promise<void> {
    await this.#chooseSteps()
    const history = this.#history
    const { end } = this.#pool
    const ends = Uint8Array.from(this.#pool.rows, (row) => (this.#next.get(row) === end ? 1 : 0))
    await history.move(history.predicting, ends)
    await this.#pool.retire([...ends.keys()].filter((i) => ends[i] === 1))
    const { rows } = this.#pool
    if (rows.length === 0) return
    history.advance()
    await history.evaluateNext()
    const jumped = new Set(rows.filter((row) => this.#next.get(row) === this.#jump))
    // What is known below a jump says nothing of the step above it, nor the other way round.
    const correcting = (row: Row): readonly Known[] => (jumped.has(row) ? row.known.slice(1) : row.known)
    await history.move(correcting, new Uint8Array(rows.length).fill(1))
    for (const row of jumped) row.known = row.known.slice(0, 1)
  }

  async #chooseSteps(): Promise<void> {
    const { rtol, atol } = this.#solver
    const { end } = this.#pool
    const history = this.#history
    const size = await this.#norm(() => history.sum(1, [], []))
    const distance = await this.#norm(({ known }) => history.sum(1, known.slice(0, 1), [-1]))
    const first = await this.#norm(({ known }) => this.#dividedDifference(known.slice(0, 2)))
    const second = await this.#norm(({ known }) => this.#dividedDifference(known.slice(0, 3)))
    const lost: number[] = []
    for (const [i, row] of this.#pool.rows.entries()) {
      const tolerance = atol + rtol * distance[i]!
      const [newest, older, oldest] = row.known
      const stiffness = distance[i]! / Math.max(size[i]!, row.time)
      const changes = {
        first: (older ? first[i]! : FIRST_RATE * distance[i]! * stiffness) / tolerance,
        second: oldest && second[i]! / tolerance,
      }
      const step = stepWithinTolerance(changes, older && Math.log(older.height / newest!.height))
      const stop = row.time > this.#jump ? Math.max(this.#jump, end) : end
      this.#next.set(row, heightAfter(row.time, step, stop))
      if (!(this.#next.get(row)! < row.time)) lost.push(i)
    }
    await this.#pool.lose(lost, 'needs a step too small to take')
  }

  /** The divided difference of known values in ln z. */
  #dividedDifference(known: readonly Known[]): SlotWeights {
    const ofKnown = known.map((value) => {
      const others = known.filter((other) => other !== value)
      return others.reduce((weight, other) => weight / Math.log(value.height / other.height), 1)
    })
    return this.#history.sum(0, known, ofKnown)
  }

  /** Root mean squares. */
  #norm(sum: (row: Row) => SlotWeights): Promise<Float64Array> {
    const { rows } = this.#pool
    const y = this.#history.combination(sum)
    return this.#pool.norm({ rtol: 0, atol: 1 }, y, undefined, ones(rows), new Float64Array(rows.length))
  }
}
