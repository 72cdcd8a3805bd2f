import type { RowCombination } from '../native/addon.js'
import type { SlotWeights } from './dense-output.js'
import type { Known } from './multistep-method.js'
import { heightAfter, stepWithinTolerance } from './multistep-step.js'
import type { Pool, Row } from './pool.js'
import type { AdaptiveMultistepSolver } from './solver.js'
import type { Stepper } from './stepper.js'

/** A combination of a row's state and of what it knows. */
interface Sum {
  readonly ofX: number
  readonly ofKnown: readonly (readonly [Known, number])[]
}

const STATE: Sum = { ofX: 1, ofKnown: [] }

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
  readonly slots: number
  readonly evaluationsPerStep = 1
  readonly #pool: Pool
  readonly #solver: AdaptiveMultistepSolver
  /** Just below the height where the drift jumps. */
  readonly #jump: number
  readonly #next = new WeakMap<Row, number>()
  #newest = 0

  constructor(pool: Pool, solver: AdaptiveMultistepSolver) {
    this.#pool = pool
    this.#solver = solver
    this.#jump = (pool.problem.jump ?? 0) * (1 - Number.EPSILON)
    this.slots = solver.method.order + 1
  }

  async begin(first: number): Promise<void> {
    const at = (row: Row): number => row.time
    await this.#evaluate(() => STATE, at, first)
  }

  async step(): Promise<void> {
    await this.#chooseSteps()
    const { end } = this.#pool
    const next = (row: Row): number => this.#next.get(row)!
    const predicting = (row: Row): readonly Known[] => row.known.slice(0, this.#solver.method.order)
    const ends = this.#pool.rows.map((row) => next(row) === end)
    await this.#move(predicting, ends)
    await this.#pool.retire([...ends.keys()].filter((i) => ends[i]))
    const { rows } = this.#pool
    if (rows.length === 0) return
    this.#newest = (this.#newest + 1) % this.slots
    await this.#evaluate((row) => this.#stateAt(row, next(row), predicting(row)), next)
    const jumped = new Set(rows.filter((row) => next(row) === this.#jump))
    // What is known below a jump says nothing of the step above it, nor the other way round.
    const correcting = (row: Row): readonly Known[] => (jumped.has(row) ? row.known.slice(1) : row.known)
    await this.#move(
      correcting,
      rows.map(() => true),
    )
    for (const row of jumped) row.known = row.known.slice(0, 1)
  }

  async #chooseSteps(): Promise<void> {
    const { rtol, atol } = this.#solver
    const { end } = this.#pool
    const size = await this.#norm(() => STATE)
    const distance = await this.#norm(({ known }) => ({ ofX: 1, ofKnown: [[known[0]!, -1]] }))
    const first = await this.#norm(({ known }) => dividedDifference(known.slice(0, 2)))
    const second = await this.#norm(({ known }) => dividedDifference(known.slice(0, 3)))
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

  /** The state at a height on the way to the next one, from what is taken for known. */
  #stateAt(row: Row, at: number, known: readonly Known[]): Sum {
    if (at === row.time) return STATE
    const heights = known.map(({ height }) => height)
    const { ofX, ofKnown } = this.#solver.method.weights(row.time, at, heights)
    return { ofX, ofKnown: known.map((value, j) => [value, ofKnown[j]!]) }
  }

  /** Evaluates the flow at states and heights and remembers it there. */
  async #evaluate(state: (row: Row) => Sum, height: (row: Row) => number, first = 0): Promise<void> {
    const rows = this.#pool.rows.slice(first)
    const heights = Float64Array.from(rows, height)
    const { view } = this.#solver.method
    await this.#pool.evaluate(this.#newest, view, this.#combination(state, first), ones(rows), heights, first)
    for (const [i, row] of rows.entries()) {
      // What the slot kept before is gone.
      const older = row.known.filter(({ slot }) => slot !== this.#newest)
      row.known = [{ slot: this.#newest, height: heights[i]! }, ...older].slice(0, this.slots)
    }
  }

  async #move(taken: (row: Row) => readonly Known[], moved: readonly boolean[]): Promise<void> {
    const { rows } = this.#pool
    const flags = Uint8Array.from(moved, Number)
    const next = rows.map((row) => this.#next.get(row)!)
    await this.#pool.film(flags, (row) => ({
      end: this.#next.get(row)!,
      at: (height) => this.#slotWeights(this.#stateAt(row, height, taken(row))),
    }))
    const state = (row: Row): Sum => this.#stateAt(row, this.#next.get(row)!, taken(row))
    await this.#pool.move(this.#combination(state), ones(rows), flags)
    for (const [i, row] of rows.entries()) if (moved[i]) this.#pool.arrive(row, next[i]!)
  }

  /** Root mean squares. */
  #norm(sum: (row: Row) => Sum): Promise<Float64Array> {
    const { rows } = this.#pool
    const zeros = new Float64Array(rows.length)
    return this.#pool.norm({ rtol: 0, atol: 1 }, this.#combination(sum), undefined, ones(rows), zeros)
  }

  #combination(sum: (row: Row) => Sum, first = 0): RowCombination {
    const weights = this.#pool.rows.slice(first).map((row) => this.#slotWeights(sum(row)))
    return {
      ofX: Float64Array.from(weights, ({ ofX }) => ofX),
      ofK: Float64Array.from(weights.flatMap(({ ofK }) => ofK)),
    }
  }

  #slotWeights({ ofX, ofKnown }: Sum): SlotWeights {
    const ofK = new Array<number>(this.slots).fill(0)
    for (const [{ slot }, weight] of ofKnown) ofK[slot] = weight
    return { ofX, ofK }
  }
}

/** The divided difference of known values in ln z. */
function dividedDifference(known: readonly Known[]): Sum {
  const ofKnown = known.map((value): [Known, number] => {
    const others = known.filter((other) => other !== value)
    return [value, others.reduce((weight, other) => weight / Math.log(value.height / other.height), 1)]
  })
  return { ofX: 0, ofKnown }
}

const ones = (rows: readonly Row[]): Float64Array => new Float64Array(rows.length).fill(1)
