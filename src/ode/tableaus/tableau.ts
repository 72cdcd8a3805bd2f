/**
 * An explicit Runge-Kutta method in Butcher's form. Stage i is evaluated at t + c_i h and
 * x + h sum_j a_ij k_j; the step ends at x + h sum_j b_j k_j.
 */
export interface Tableau {
  readonly name: string
  readonly order: number
  /** Rows of the lower triangle: `a[i]` has i entries; `a[0]` is empty. */
  readonly a: readonly (readonly number[])[]
  readonly b: readonly number[]
  readonly c: readonly number[]
  /** d of its dense output, see `denseWeights`. */
  readonly dense?: readonly number[]
  /** An embedded error estimate h sum_j e_j k_j, and the order of the less accurate of its two solutions. */
  readonly embedded?: { readonly e: readonly number[]; readonly order: number }
  /** Whether the last stage is the first one of the next step. */
  readonly firstSameAsLast: boolean
}
