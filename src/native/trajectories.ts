import type { TrajectoriesHandle } from './handles.js'

/**
 * `y_i = ofX x_i + h_i sum_j ofK[j] k_j,i + noise.weights[i] n_i`, of a trajectory's state x, what its slots k keep, and
 * standard normals n.
 */
export interface Combination {
  readonly ofX: number
  readonly ofK: readonly number[]
  readonly noise?: StepNoise | undefined
}

/** The same with each trajectory's own weights: `ofX` has one a trajectory, `ofK` a row of them after another. */
export interface RowCombination {
  readonly ofX: Float64Array
  readonly ofK: Float64Array
  readonly noise?: StepNoise | undefined
}

/** One number a trajectory: its normals are its own draw of a number, a function of its key and that. */
export interface StepNoise {
  readonly weights: Float64Array
  readonly draws: Int32Array
}

/** What trajectories carry beside their states, one number each. */
export interface NativeRows {
  /** The seeds of their own random numbers. */
  readonly keys: BigUint64Array
  /** Their classes, -1 for none; undefined where none has one. */
  readonly labels?: Int32Array | undefined
  /** How far they go beyond what their labels ask for: 1, not at all, where it is undefined. */
  readonly guidance?: Float64Array | undefined
  /** The heights above and up to which they are guided; all where it is undefined. */
  readonly guided?: readonly number[] | undefined
}

/** What a slot keeps of a flow at (x, z): dx / d(ln z), dx / dz, or the denoised x - dx / d(ln z). */
export type View = 'logHeight' | 'height' | 'denoised'

/** A sum over a row of (y / (atol + rtol max(|x|, |next|)))^2; without `next`, max is |x|. */
export interface SquareSum {
  readonly y: Combination | RowCombination
  readonly next?: Combination | RowCombination | undefined
}

/**
 * Where a flow is evaluated for a pool, for the places in `rows`, rising, or for all its rows; `slot` keeps its view
 * there, and `otherSide`, if asked for, what the formula of the other side of the flow's jump gives: for rows above it
 * and just below.
 */
export interface Evaluation {
  readonly pool: TrajectoriesHandle
  readonly slot: number
  readonly otherSide?: number | undefined
  readonly y: Combination | RowCombination
  readonly steps: Float64Array
  readonly heights: Float64Array
  readonly rows?: readonly number[] | undefined
  readonly view: View
}
