/** What may be done beside training, and what it may always take. */
const SHARE = 0.1
const LEAST_SECONDS = 2

/** A tenth of the time that training takes, and at least two seconds. */
export function shareOf(seconds: number): number {
  return Math.max(LEAST_SECONDS, SHARE * seconds)
}

/** Keeps what is done again and again within its share of the training so far. */
export class TimeShare {
  #spent = 0

  /** Seconds that are left of the share. @param trained seconds of training */
  left(trained: number): number {
    return shareOf(trained) - this.#spent
  }

  spend(seconds: number): void {
    this.#spent += seconds
  }
}
