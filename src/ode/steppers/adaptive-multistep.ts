import type { Known } from '../multistep-methods/multistep-method.js'
import type { Pool, Row } from '../pool/pool.js'
import type { AdaptiveMultistepSolver } from '../solver.js'
import { MultistepHistory, ones } from './multistep-history.js'
import { heightAfter, stepWithinTolerance } from './multistep-step.js'
import { addScaled, rowCombination, type SlotWeights } from './slot-weights.js'
import type { Stepper } from './stepper.js'

/**
 * How fast d is taken to change where one value of it is known: by this share of its distance from the state in a unit of
 * ln z, more where that is beyond the state's own size, as it is where the flow is stiff.
 */
const FIRST_RATE = 0.25

/** Times the tolerance of a step above the flow's jump, far from the data: errors made there shrink on the way. */
const ABOVE_JUMP = 2

/** Up to which multiple of the jump's height what the formula of below gives there is of use below. */
const REACH = 1.2

/**
 * How much of a small change of the state d follows at height z, on average: seven tenths of s^2 / (s^2 + z^2), which it is
 * in each direction of Gaussian data of deviation s, with s = 1.
 */
const response = (z: number): number => 0.7 / (1 + z ** 2)

/** What `Pool.assign` calls the state. */
const STATE = -1

/**
 * A predictor-corrector multistep method in the denoised value d whose steps follow each sample's own error. It is
 * estimated from predictions of different orders, so before the evaluation, and no step is rejected.
 *
 * Each step is made three times, with one evaluation: predicted from what is known above its end; corrected with d at
 * the predicted state, which is then moved by d's response to the correction; and once more, now from both sides, when
 * the next d is known. A step ends where the drift jumps. Below, d is what the formula of there says, of heights just
 * above the jump too, where at least two values are known there.
 */
export class AdaptiveMultistep implements Stepper {
  readonly evaluationsPerStep = 1
  readonly #pool: Pool
  readonly #solver: AdaptiveMultistepSolver
  readonly #history: MultistepHistory
  /** Just below the height where the drift jumps; 0 if it does not. */
  readonly #jump: number
  readonly #next = new WeakMap<Row, number>()
  /** Where a row was before its last step, if on the same side of the jump; `#stateBefore` is the slot of the state there. */
  readonly #heightBefore = new WeakMap<Row, number>()
  readonly #stateBefore: number

  constructor(pool: Pool, solver: AdaptiveMultistepSolver) {
    this.#pool = pool
    this.#solver = solver
    this.#jump = (pool.problem.jump ?? 0) * (1 - Number.EPSILON)
    const layout = { bothSides: this.#jump > pool.end && this.#jump < pool.start, spare: 1 }
    this.#history = new MultistepHistory(pool, solver.method, (row) => this.#next.get(row)!, layout)
    this.#stateBefore = this.#history.slots - 1
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
    if (this.#pool.rows.length === 0) return
    history.advance()
    await history.evaluateNext()
    await this.#correct()
  }

  /** Makes the last step again and the predicted one, with what is known now, and moves the newest d after it. */
  async #correct(): Promise<void> {
    const history = this.#history
    const { rows } = this.#pool
    const known = rows.map((row) => (this.#crosses(row) ? seenFromAbove(row.known) : row.known))
    const here = rows.map((row, i) => this.#lastStepAgain(row, known[i]!))
    const stateAt = (row: Row, i: number, height: number): SlotWeights => {
      const { ofX, ofK } = history.stateAt(row, height, known[i]!)
      return addScaled({ ofX: 0, ofK }, ofX, here[i]!)
    }
    const corrected = rows.map((row, i) => stateAt(row, i, this.#next.get(row)!))
    const newest = rows.map((row, i) => this.#followed(row, corrected[i]!))
    await this.#pool.film(new Uint8Array(rows.length).fill(1), (row, i) => ({
      end: this.#next.get(row)!,
      at: (height) => stateAt(row, i, height),
    }))
    await this.#pool.assign(
      [STATE, history.newest, this.#stateBefore],
      [corrected, newest, here].map(rowCombination),
    )
    for (const row of rows) {
      if (this.#crosses(row)) {
        row.known = this.#seenFromBelow(row.known)
        this.#heightBefore.delete(row)
      } else this.#heightBefore.set(row, row.time)
      this.#pool.arrive(row, this.#next.get(row)!)
    }
  }

  #crosses(row: Row): boolean {
    return this.#next.get(row) === this.#jump
  }

  /** The state where the row is, by its last step made from both sides; as it is where that cannot be. */
  #lastStepAgain(row: Row, known: readonly Known[]): SlotWeights {
    const { between } = this.#solver
    const before = this.#heightBefore.get(row)
    const taken = known.slice(0, between.order + 1)
    const areBothSides =
      before !== undefined && taken.length > between.order && taken.at(-1)!.height >= before
    if (!areBothSides) return this.#history.sum(1, [], [])
    const heights = taken.map(({ height }) => height)
    const { ofX, ofKnown } = between.weights(before, row.time, heights)
    const { ofK } = this.#history.sum(0, taken, ofKnown)
    return { ofX: 0, ofK: ofK.with(this.#stateBefore, ofX) }
  }

  /** The newest value, from the predicted state on to the corrected one. */
  #followed(row: Row, corrected: SlotWeights): SlotWeights {
    const history = this.#history
    const [newest, ...older] = row.known
    const value = history.sum(0, [newest!], [1])
    if (this.#crosses(row)) return value
    const next = this.#next.get(row)!
    const predicted = history.stateAt(row, next, older.slice(0, this.#solver.method.order))
    return addScaled(value, response(next), addScaled(corrected, -1, predicted))
  }

  /** What is known, by the formula of below; the newest value alone where the path has hardly begun. */
  #seenFromBelow([newest, ...older]: readonly Known[]): Known[] {
    const { slot, height } = newest!
    const near = older.length < 2 ? [] : older.filter((known) => known.height <= REACH * this.#jump)
    return [{ slot, height }, ...near.map(fromOtherSide)]
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
      const isAbove = this.#jump > 0 && row.time > this.#jump
      const tolerance = (isAbove ? ABOVE_JUMP : 1) * (atol + rtol * distance[i]!)
      const [newest, older, oldest] = row.known
      const stiffness = distance[i]! / Math.max(size[i]!, row.time)
      const changes = {
        first: (older ? first[i]! : FIRST_RATE * distance[i]! * stiffness) / tolerance,
        second: oldest && second[i]! / tolerance,
      }
      const last = older && Math.log(older.height / newest!.height)
      // What is known above the jump does not tell of the stiff place that may lie just below.
      const longest = row.time === this.#jump && last !== undefined ? last : Number.POSITIVE_INFINITY
      const step = Math.min(longest, stepWithinTolerance(changes, last))
      const stop = isAbove ? Math.max(this.#jump, end) : end
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
    const y = rowCombination(rows.map(sum))
    return this.#pool.norm({ rtol: 0, atol: 1 }, y, undefined, ones(rows), new Float64Array(rows.length))
  }
}

/** What is known where the newest value is just below the jump, by the formula of above. */
function seenFromAbove([newest, ...older]: readonly Known[]): readonly Known[] {
  return [fromOtherSide(newest!), ...older]
}

/** Both sides are kept on every path that crosses the jump. */
function fromOtherSide({ otherSide, height }: Known): Known {
  return { slot: otherSide!, height }
}
