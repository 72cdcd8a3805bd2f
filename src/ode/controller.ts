/** Decides from a step's error what becomes of the step and how large the next one is. */
export interface StepController {
  /**
   * @param error the step's error over its tolerance: at most 1 is wanted
   * @param order of the embedded error estimate
   * @param rejected whether the step before this one, from the same point, was rejected
   */
  decide(error: number, order: number, rejected: boolean): { accepted: boolean; factor: number }
}
