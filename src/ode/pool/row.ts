/** A sample on its way. `State` is what the stepper keeps of it. */
export interface Row<State = unknown> {
  readonly sample: number
  time: number
  /** Steps taken. */
  taken: number
  /** The height of the last evaluation. */
  evaluatedAt: number
  /** Frames of the film that are drawn. */
  filmed: number
  readonly state: State
}
