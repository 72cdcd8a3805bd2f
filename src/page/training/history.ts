import type { LogPart, LogPoint } from '../../watch/answers.js'

/** What was measured over a run's steps, which rise. */
export interface Series {
  readonly steps: readonly number[]
  readonly values: readonly number[]
}

interface Growing {
  readonly steps: number[]
  readonly values: number[]
}

/** The log of a run as far as it is known. */
export class History {
  /** Of the run; another one begins anew. */
  readonly id: string
  /** Where the rest of the log begins. */
  next = 0
  readonly #series = new Map<string, Growing>()

  constructor(id: string) {
    this.id = id
  }

  /** What was measured by a name; empty where nothing was. */
  of(name: string): Series {
    return this.#series.get(name) ?? { steps: [], values: [] }
  }

  /** The newest of what was measured by a name. */
  latest(name: string): number | undefined {
    return this.of(name).values.at(-1)
  }

  /** Takes the log's next part. */
  add({ next, points }: LogPart): void {
    this.next = next
    for (const point of points) this.#addPoint(point)
  }

  #addPoint({ step, values }: LogPoint): void {
    // A run that was broken off goes on from its newest checkpoint: what came after that is trained once more.
    if ('loss' in values) for (const series of this.#series.values()) cut(series, step)
    for (const [name, value] of Object.entries(values)) {
      const series = this.#series.get(name) ?? { steps: [], values: [] }
      this.#series.set(name, series)
      cut(series, step)
      series.steps.push(step)
      series.values.push(value)
    }
  }
}

/** Removes what there is of a step and of later ones. */
function cut({ steps, values }: Growing, step: number): void {
  while (steps.length > 0 && steps.at(-1)! >= step) {
    steps.pop()
    values.pop()
  }
}

/**
 * Each value with those before it, whose weights fall by a factor a place; the first ones are as heavy as they are few.
 * @param factor from 0, where each value stays as it is, to below 1
 */
export function smoothed(values: readonly number[], factor: number): number[] {
  let sum = 0
  let weight = 0
  return values.map((value) => {
    sum = factor * sum + (1 - factor) * value
    weight = factor * weight + (1 - factor)
    return sum / weight
  })
}
