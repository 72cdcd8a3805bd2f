import { orAborted } from '../../arguments/signal.js'
import type { Evaluation, FlowHandle } from '../../native/addon.js'
import { type NativeObject, native } from '../../native/native.js'

interface Asked {
  readonly evaluation: Evaluation
  /** When, in milliseconds. */
  readonly since: number
  resolve(outside: Uint8Array): void
  /** The call has been made, for this one alone. */
  made(): void
  reject(error: unknown): void
  /** Whoever asked does not wait any more. */
  leave(): void
  gone: boolean
}

/** Which evaluations go through the network together. */
export interface Dispatch {
  /** Most rows of a call, but for what a single pool asks for. */
  readonly maxRows: number
  /** Milliseconds for which one that is asked for waits for those of other pools while the network is idle. */
  readonly patience: number
}

/** Is told of a call: its rows, and the pools that they are of. */
export type CallWatcher = (rows: number, pools: number) => void

const USUAL: Dispatch = { maxRows: Number.POSITIVE_INFINITY, patience: 0.5 }

/**
 * A flow that pools evaluate together: those under way at the same time, whatever their solvers and heights, share one
 * network call. One is made at a time: as soon as all pools ask for an evaluation, or of those that are ready when the
 * first of them has waited long enough for the others, those of the last call among them. A pool may enter or leave at any time.
 */
export class SharedFlow {
  /** How calls are made up. */
  dispatch: Dispatch = USUAL
  /** Told of every call. */
  readonly watchers = new Set<CallWatcher>()
  readonly #create: () => NativeObject<FlowHandle>
  #flow: NativeObject<FlowHandle> | undefined
  #pools = 0
  /** Pools that are doing something else, for which the others do not wait. */
  #aside = 0
  #asked: Asked[] = []
  #isCalling = false
  #idleSince = 0
  /** Whether the event loop comes back to look how long the first has waited. */
  #looksAgain = false
  /** What waits until nobody waits for this thread. */
  #later: (() => void)[] = []

  /** @param create makes the flow, which lives as long as there is a pool in it */
  constructor(create: () => NativeObject<FlowHandle>) {
    this.#create = create
  }

  /**
   * Does some work while the network computes, so that no pool waits for it; soon where no pool is about to ask for
   * anything.
   */
  meanwhile(work: () => void): void {
    this.#later.push(work)
    if (this.#isCalling || this.#pools === this.#aside) this.#doWhatIsLeft()
  }

  /** A pool's work with the flow: only in it may it ask, for one evaluation at a time. */
  async enter<T>(work: () => Promise<T>): Promise<T> {
    this.#flow ??= this.#create()
    this.#pools += 1
    try {
      return await work()
    } finally {
      this.#pools -= 1
      this.#doWhatIsLeft()
      if (this.#pools > 0) this.#callWhatIsReady()
      else {
        this.#flow.dispose()
        this.#flow = undefined
      }
    }
  }

  /** What a pool does that may take long or wait for another pool, such as the user's own code. */
  async stepAside<T>(work: () => Promise<T>): Promise<T> {
    this.#aside += 1
    this.#callWhatIsReady()
    this.#doWhatIsLeft()
    try {
      return await work()
    } finally {
      this.#aside -= 1
    }
  }

  /**
   * Resolves where what is asked of the pool from now on comes after the evaluation: when the network is called, or when
   * it has answered where pools share the call, as that may be made once more. `answer` has a flag a row, set where the
   * evaluation left the region the network was trained on.
   * @throws as `answer` does, the signal's reason as soon as it is given, however long the network takes
   */
  async evaluate(evaluation: Evaluation, signal?: AbortSignal): Promise<{ answer: Promise<Uint8Array> }> {
    let answer!: Promise<Uint8Array>
    const made = new Promise<void>((resolve) => {
      answer = this.#ask(evaluation, resolve, signal)
    })
    await Promise.race([made, answer])
    return { answer }
  }

  async #ask(evaluation: Evaluation, made: () => void, signal?: AbortSignal): Promise<Uint8Array> {
    let asked: Asked | undefined
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      const leave = () => {
        this.#asked = this.#asked.filter((one) => one !== asked)
      }
      asked = { evaluation, since: performance.now(), resolve, made, reject, leave, gone: false }
      this.#asked.push(asked)
      this.#callWhatIsReady()
    })
    try {
      return await orAborted(signal, () => answer)
    } catch (error) {
      asked!.gone = true
      asked!.leave()
      throw error
    }
  }

  #callWhatIsReady(): void {
    const [first] = this.#asked
    if (this.#isCalling || first === undefined) return
    const allAsk = this.#asked.length >= this.#pools - this.#aside
    const waited = performance.now() - Math.max(first.since, this.#idleSince)
    if (!allAsk && waited < this.dispatch.patience) {
      this.#lookAgain()
      return
    }
    const together = this.#takeRows()
    this.#isCalling = true
    this.#doWhatIsLeft()
    void this.#call(together).finally(() => {
      this.#isCalling = false
      this.#idleSince = performance.now()
      this.#callWhatIsReady()
    })
  }

  #doWhatIsLeft(): void {
    if (this.#later.length === 0) return
    const work = this.#later
    this.#later = []
    setImmediate(() => {
      for (const each of work) each()
    })
  }

  /** Timers are too coarse for what is waited for here. */
  #lookAgain(): void {
    if (this.#looksAgain) return
    this.#looksAgain = true
    setImmediate(() => {
      this.#looksAgain = false
      this.#callWhatIsReady()
    })
  }

  /** The first that ask, as many as go into a call. */
  #takeRows(): Asked[] {
    let [rows, count] = [0, 0]
    for (const { evaluation } of this.#asked) {
      if (count > 0 && rows + evaluation.heights.length > this.dispatch.maxRows) break
      rows += evaluation.heights.length
      count += 1
    }
    for (const watcher of this.watchers) watcher(rows, count)
    return this.#asked.splice(0, count)
  }

  /** Where a call fails, memory is short for all of them or one of them is at fault: each is then called alone. */
  async #call(together: readonly Asked[]): Promise<void> {
    const nobodyWaits = () => together.every(({ gone }) => gone)
    try {
      const call = native().evaluateDrifts(
        this.#flow!.handle,
        together.map(({ evaluation }) => evaluation),
      )
      for (const one of together) {
        one.leave = () => {
          if (nobodyWaits()) native().stop(call)
        }
      }
      if (together.length === 1) together[0]!.made()
      const outside = await call
      let first = 0
      for (const { evaluation, resolve } of together) {
        const rows = evaluation.heights.length
        resolve(outside.slice(first, first + rows))
        first += rows
      }
    } catch (error) {
      if (nobodyWaits()) return
      if (together.length > 1) for (const one of together) await this.#call([one])
      else for (const { reject } of together) reject(error)
    }
  }
}
