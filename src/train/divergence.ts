/** The shares of the newest step in the running means of the loss; the quick one follows within tens of steps. */
const QUICK_SHARE = 0.05
/** How far above its best the mean is that no good run comes back from by itself. */
const FAR = 20
/** Steps that it stays there before it is said. */
const PATIENCE = 50

/** Notices a loss that grows without becoming infinite. */
export class DivergenceWatch {
  #mean: number | undefined
  #best: number
  #above = 0
  #said = false

  /** @param dimensions of an item: a network that knows nothing and says 0 has at most so large a loss */
  constructor(dimensions: number) {
    this.#best = dimensions
  }

  /** What the loss is and was, for messages. */
  get words(): string {
    const [mean, best] = [this.#mean ?? 0, this.#best].map((loss) => loss.toPrecision(2))
    return `the loss diverged: ${mean}, far above ${best}`
  }

  /** Whether the loss is far above its best now, for many steps. */
  get diverged(): boolean {
    return this.#above >= PATIENCE
  }

  /** Takes up what the loss was, on average over many steps, when a run ended that is looked at again. */
  recall(loss: number): void {
    this.#mean = loss
    this.#best = Math.min(this.#best, loss)
    if (loss > FAR * this.#best) this.#above = PATIENCE
  }

  /** @returns whether that is so for the first time since it last was well */
  after(loss: number): boolean {
    this.#mean = this.#mean === undefined ? loss : this.#mean + QUICK_SHARE * (loss - this.#mean)
    this.#best = Math.min(this.#best, this.#mean)
    this.#above = this.#mean > FAR * this.#best ? this.#above + 1 : 0
    if (!this.diverged) {
      this.#said = false
      return false
    }
    const first = !this.#said
    this.#said = true
    return first
  }
}
