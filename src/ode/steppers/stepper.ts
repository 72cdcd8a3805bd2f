import type { Combination, Evaluation, RowCombination, SquareSum } from '../../native/addon.js'
import type { Row } from '../pool/row.js'
import type { Interpolant } from './dense-output.js'

/** What a step of all samples in a pool is. `State` is what it keeps of a sample between steps. */
export interface Stepper<State = unknown> {
  /** Slots that the method needs a sample. */
  readonly slots: number
  /** Most evaluations of a sample's next step. */
  evaluationsOf(state: State): number
  /** The state of a sample that has not begun. */
  fresh(): State
  /** Samples have joined, the rows from `first` on: for what the next step needs of them and cannot find out with the others. */
  begin(samples: Trajectories<State>, first: number): Promise<void>
  /** One try of one step of every sample. */
  step(samples: Trajectories<State>): Promise<void>
}

/** The samples of a pool as a stepper sees them, and the few operations that every method is made of. */
export interface Trajectories<State = unknown> {
  readonly rows: readonly Row<State>[]
  /** Evaluates the flow at the states y and the heights, for some rows or all. */
  evaluate(where: Omit<Evaluation, 'pool'>): Promise<void>
  /**
   * Norms against a tolerance, for each sum a number a row.
   * @param heightSquares of each sum and row, the squared ratio of what it says of the height: for norms that count it
   */
  norms(
    tolerance: { rtol: number; atol: number },
    sums: readonly SquareSum[],
    sizes: Float64Array,
    heightSquares?: (sum: number) => Float64Array,
  ): Promise<Float64Array[]>
  /** Draws the film's frames that lie on the steps which the moved rows are about to take. */
  film(moved: Uint8Array, stepOf: (row: Row<State>, place: number) => Interpolant): Promise<void>
  /** The rows that are moved get the states y; their slot 0 takes over slot `last`, if that is not negative. */
  move(y: Combination | RowCombination, sizes: Float64Array, moved: Uint8Array, last?: number): Promise<void>
  /** The states (-1) and slots that are named get combinations of what was there before. */
  assign(targets: readonly number[], values: readonly RowCombination[]): Promise<void>
  /** Counts a row's accepted step, to a new time. */
  arrive(row: Row<State>, time: number): void
  /** Counts a row's rejected step. */
  reject(row: Row<State>): void
  /** Rows that have reached the end leave with their states. */
  retire(places: readonly number[]): Promise<void>
  /** Rows that cannot go on: an error, or the end of their paths, as the options say. */
  lose(places: readonly number[], what: string): Promise<void>
}

/** The places of rows from `first` on; undefined for all. */
export function placesFrom(first: number, rows: readonly Row[]): number[] | undefined {
  return first === 0 ? undefined : Array.from(rows.slice(first), (_, i) => first + i)
}

/** The rows at places, or all. */
export function rowsAt<State>(
  rows: readonly Row<State>[],
  places: readonly number[] | undefined,
): readonly Row<State>[] {
  return places?.map((place) => rows[place]!) ?? rows
}
