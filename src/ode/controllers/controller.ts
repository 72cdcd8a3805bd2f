/** Decides from a step's error what becomes of the step and how large the next one is. */
export interface StepController {
  /**
   * @param errors errors over their tolerances, newest first: the step's own, of which at most 1 is wanted, and those
   *   of the accepted steps before it, as many as there were and as `memory` asks for
   * @param order of the embedded error estimate
   * @param rejected whether the step before this one, from the same point, was rejected
   */
  decide(errors: readonly number[], order: number, rejected: boolean): { accepted: boolean; factor: number }
  /** How many earlier errors it looks at. */
  readonly memory: number
}
