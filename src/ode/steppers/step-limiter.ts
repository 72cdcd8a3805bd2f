import type { Path } from './path.js'

/**
 * Ends steps where they must end: at the path's end, and where the flow's drift jumps, since a method of any order takes
 * the drift for smooth. A step is on one side of the jump, all its stages included.
 */
export class StepLimiter {
  readonly #path: Path
  /** The jump's height, above which and at which one formula holds, and the next height below, where the other does. */
  readonly #above: number
  readonly #below: number
  /** The time from which on the formula of the other side holds on the way. */
  readonly #barrier: number

  constructor(path: Path) {
    const { jump, direction, variable } = path
    this.#path = path
    this.#above = jump?.height ?? 0
    this.#below = this.#above * (1 - Number.EPSILON)
    const never = -direction * Number.POSITIVE_INFINITY
    this.#barrier = jump ? variable.toTime(direction < 0 ? this.#below : this.#above) : never
  }

  /** The jump on the way, as the first time beyond it; undefined where there is none. */
  get barrier(): number | undefined {
    const { start, end } = this.#path
    return this.isBefore(start) && this.#leadsPast(end) ? this.#barrier : undefined
  }

  /** Whether a path that is here at a time has the jump ahead. */
  isBefore(time: number): boolean {
    return this.#path.direction * (this.#barrier - time) > 0
  }

  /** The time at which a step from a time ends at the latest. */
  latestEnd(time: number): number {
    const { end } = this.#path
    return this.isBefore(time) && this.#leadsPast(end) ? this.#barrier : end
  }

  /** The height at a time within a step that began at another, on the step's side of the jump. */
  heightAt(time: number, began: number): number {
    const { jump, direction, variable } = this.#path
    const height = variable.toHeight(time)
    if (!jump) return height
    const isAbove = this.isBefore(began) === direction < 0
    return isAbove ? Math.max(height, this.#above) : Math.min(height, this.#below)
  }

  #leadsPast(end: number): boolean {
    return this.#path.direction * (end - this.#barrier) > 0
  }
}
