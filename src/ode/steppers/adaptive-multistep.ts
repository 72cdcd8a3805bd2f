import type { Known } from '../multistep-methods/multistep-method.js'
import type { Row } from '../pool/row.js'
import type { AdaptiveMultistepSolver } from '../solver.js'
import { DATA_DEVIATION } from './data-deviation.js'
import { type History, isFresh, MultistepHistory, moving, ones } from './multistep-history.js'
import { heightAfter, stepWithinTolerance } from './multistep-step.js'
import type { Path } from './path.js'
import { addScaled, rowCombination, type SlotWeights } from './slot-weights.js'
import { StepLimiter } from './step-limiter.js'
import type { Stepper, Trajectories } from './stepper.js'

/**
 * How fast d is taken to change where one value of it is known: by this share of its distance from the state in a unit of
 * ln z, more where that is beyond the state's own size, as it is where the flow is stiff.
 */
const FIRST_RATE = 0.25

/** Times the tolerance of a step above the flow's jump, far from the data: errors made there shrink on the way. */
const ABOVE_JUMP = 2
/** The longest step in ln z of a flow that jumps. */
const LONGEST = 1.5

/**
 * What serves flows without a jump, whose paths begin far beyond the data: the longest step in ln z, and times the
 * tolerance of a step that begins beyond the data's deviation, where d is hardly known yet and bends most.
 */
const SMOOTH = { longest: 1, beyond: 0.35 }

/** Up to which multiple of the jump's height what the formula of below gives there is of use below. */
const REACH = 1.2

/**
 * How much of a small change of the state d follows at height z, on average: seven tenths of s^2 / (s^2 + z^2), which it is
 * in each direction of Gaussian data of deviation s.
 */
const response = (z: number): number => (0.7 * DATA_DEVIATION ** 2) / (DATA_DEVIATION ** 2 + z ** 2)

/** What `assign` calls the state. */
const STATE = -1

interface Adaptive extends History {
  /** The height at which the next step ends; that of the row itself before the first one. */
  next: number
  /** Where the row was before its last step, if on the same side of the jump; a slot of its own has the state there. */
  before: number | undefined
}

/**
 * A predictor-corrector multistep method in the denoised value d whose steps follow each sample's own error. It is
 * estimated from predictions of different orders, so before the evaluation, and no step is rejected.
 *
 * Each step is made three times, with one evaluation: predicted from what is known above its end; corrected with d at
 * the predicted state, which is then moved by d's response to the correction; and once more, now from both sides, when
 * the next d is known. A step ends where the drift jumps. Below, d is what the formula of there says, of heights just
 * above the jump too where the flow gives both sides and at least two values are known there; else the path begins anew.
 */
export class AdaptiveMultistep implements Stepper<Adaptive> {
  readonly #path: Path
  readonly #solver: AdaptiveMultistepSolver
  readonly #limiter: StepLimiter
  readonly #history: MultistepHistory<Adaptive>
  /** Whether what the formula of the jump's other side gives is known, too. */
  readonly #bothSides: boolean
  /** The slot of the state at `before`. */
  readonly #stateBefore: number

  constructor(path: Path, solver: AdaptiveMultistepSolver) {
    this.#path = path
    this.#solver = solver
    this.#limiter = new StepLimiter(path)
    this.#bothSides = path.jump?.bothSides === true && this.#limiter.barrier !== undefined
    const layout = { bothSides: this.#bothSides, spare: 1 }
    this.#history = new MultistepHistory(solver.method, (row) => row.state.next, layout)
    this.#stateBefore = this.#history.slots - 1
  }

  get slots(): number {
    return this.#history.slots
  }

  evaluationsOf(): number {
    return 1
  }

  fresh(): Adaptive {
    return { known: [], next: this.#path.start, before: undefined }
  }

  async begin(): Promise<void> {}

  async step(samples: Trajectories<Adaptive>): Promise<void> {
    await this.#chooseSteps(samples)
    const history = this.#history
    const { end } = this.#path
    const ends = Uint8Array.from(samples.rows, ({ state }) => (state.next === end ? 1 : 0))
    await history.move(samples, history.predicting, ends)
    await samples.retire([...ends.keys()].filter((i) => ends[i] === 1))
    if (samples.rows.length === 0) return
    const moved = moving(samples.rows)
    history.advance()
    const predicted = await history.evaluateNext(samples)
    await this.#correct(samples, predicted, moved)
  }

  /** Makes the last step again and the predicted one, with what is known now, and moves the newest d after it. */
  async #correct(
    samples: Trajectories<Adaptive>,
    predicted: readonly SlotWeights[],
    moved: Uint8Array,
  ): Promise<void> {
    const history = this.#history
    const { rows } = samples
    const known = rows.map((row) => (this.#crosses(row) ? this.#seenFromAbove(row) : row.state.known))
    const here = rows.map((row, i) => this.#lastStepAgain(row, known[i]!))
    const stateAt = (row: Row<Adaptive>, i: number, height: number): SlotWeights => {
      const { ofX, ofK } = history.stateAt(row, height, known[i]!)
      return addScaled({ ofX: 0, ofK }, ofX, here[i]!)
    }
    const corrected = rows.map((row, i) => stateAt(row, i, row.state.next))
    const newest = rows.map((row, i) => this.#followed(row, predicted[i]!, corrected[i]!))
    await samples.film(moved, (row, i) => ({
      end: row.state.next,
      at: (height) => stateAt(row, i, height),
    }))
    await samples.assign(
      [STATE, history.newest, this.#stateBefore],
      [corrected, newest, here].map(rowCombination),
    )
    for (const [i, row] of rows.entries()) {
      if (!moved[i]) continue
      const crosses = this.#crosses(row)
      if (crosses) row.state.known = this.#seenFromBelow(row.state.known)
      row.state.before = crosses ? undefined : row.time
      samples.arrive(row, row.state.next)
    }
  }

  #crosses(row: Row<Adaptive>): boolean {
    return row.state.next === this.#limiter.barrier
  }

  /** The state where the row is, by its last step made from both sides; as it is where that cannot be. */
  #lastStepAgain(row: Row<Adaptive>, known: readonly Known[]): SlotWeights {
    const { between } = this.#solver
    const { before } = row.state
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
  #followed(row: Row<Adaptive>, predicted: SlotWeights, corrected: SlotWeights): SlotWeights {
    const value = this.#history.sum(0, row.state.known.slice(0, 1), [1])
    if (this.#crosses(row)) return value
    return addScaled(value, response(row.state.next), addScaled(corrected, -1, predicted))
  }

  /** What is known where the newest value is just below the jump, by the formula of above. */
  #seenFromAbove({ state }: Row<Adaptive>): readonly Known[] {
    const [newest, ...older] = state.known
    return this.#bothSides ? [fromOtherSide(newest!), ...older] : older
  }

  /** What is known, by the formula of below; the newest value alone where the path has hardly begun. */
  #seenFromBelow([newest, ...older]: readonly Known[]): Known[] {
    const { slot, height } = newest!
    const reach = REACH * this.#path.jump!.height
    const near = this.#bothSides && older.length >= 2 ? older.filter((known) => known.height <= reach) : []
    return [{ slot, height }, ...near.map(fromOtherSide)]
  }

  async #chooseSteps(samples: Trajectories<Adaptive>): Promise<void> {
    const { rtol, atol } = this.#solver
    const history = this.#history
    if (samples.rows.every(isFresh)) return
    const [size, distance, first, second] = await this.#norms(samples, [
      () => history.sum(1, [], []),
      ({ known }) => history.sum(1, known.slice(0, 1), [-1]),
      ({ known }) => this.#dividedDifference(known.slice(0, 2)),
      ({ known }) => this.#dividedDifference(known.slice(0, 3)),
    ])
    const lost: number[] = []
    for (const [i, row] of samples.rows.entries()) {
      if (isFresh(row)) continue
      const tolerance = this.#share(row) * (atol + rtol * distance![i]!)
      const [newest, older, oldest] = row.state.known
      const stiffness = distance![i]! / Math.max(size![i]!, row.time)
      const changes = {
        first: (older ? first![i]! : FIRST_RATE * distance![i]! * stiffness) / tolerance,
        second: oldest && second![i]! / tolerance,
      }
      const last = older && Math.log(older.height / newest!.height)
      // What is known above the jump does not tell of the stiff place that may lie just below.
      const atJump = row.time === this.#limiter.barrier
      const most = atJump && last !== undefined ? last : Number.POSITIVE_INFINITY
      const longest = this.#path.jump ? LONGEST : SMOOTH.longest
      const step = Math.min(most, stepWithinTolerance(changes, longest, last))
      row.state.next = heightAfter(row.time, step, this.#limiter.latestEnd(row.time))
      if (!(row.state.next < row.time)) lost.push(i)
    }
    await samples.lose(lost, 'needs a step too small to take')
  }

  /** Times the tolerance of a step from where a row is. */
  #share({ time }: Row): number {
    if (this.#path.jump) return this.#limiter.isBefore(time) ? ABOVE_JUMP : 1
    return time > DATA_DEVIATION ? SMOOTH.beyond : 1
  }

  /** The divided difference of known values in ln z. */
  #dividedDifference(known: readonly Known[]): SlotWeights {
    const ofKnown = known.map((value) => {
      const others = known.filter((other) => other !== value)
      return others.reduce((weight, other) => weight / Math.log(value.height / other.height), 1)
    })
    return this.#history.sum(0, known, ofKnown)
  }

  /** Root mean squares of sums, for each a number a row. */
  #norms(samples: Trajectories<Adaptive>, sums: readonly ((state: Adaptive) => SlotWeights)[]) {
    const { rows } = samples
    const all = sums.map((sum) => ({ y: rowCombination(rows.map(({ state }) => sum(state))) }))
    return samples.norms({ rtol: 0, atol: 1 }, all, ones(rows))
  }
}

/** Both sides are kept on every path that crosses the jump, where the flow gives both. */
function fromOtherSide({ otherSide, height }: Known): Known {
  return { slot: otherSide!, height }
}
