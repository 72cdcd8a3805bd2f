import { setTimeout as sleep } from 'node:timers/promises'
import type { Runs } from './runs.js'

/** Milliseconds between looks at the disk; and after so many without news, a sign that the server is there. */
const EVERY_MS = 1000
const SIGN_MS = 15_000
/** Milliseconds for which those who look may fetch what was the last news. */
const LAST_LOOK_MS = 500

/** What becomes of runs, for as many as look, as events of a server. */
export class News {
  readonly #runs: Runs
  readonly #ending = new AbortController()
  #lookers = 0

  constructor(runs: Runs) {
    this.#runs = runs
  }

  /** `runs` with what is known of all of them, at once and whenever that is something else; `end` where no more comes. */
  async *events(gone: AbortSignal): AsyncGenerator<string> {
    const signal = AbortSignal.any([gone, this.#ending.signal])
    let told = ''
    let since = 0
    this.#lookers += 1
    try {
      while (!gone.aborted) {
        const isLast = signal.aborted
        const now = JSON.stringify((await this.#runs.all()).map(({ summary }) => summary))
        const isNews = now !== told
        if (isNews) yield `event: runs\ndata: ${now}\n\n`
        else if (performance.now() - since > SIGN_MS) yield ': still here\n\n'
        if (isNews || performance.now() - since > SIGN_MS) since = performance.now()
        told = now
        if (isLast) yield 'event: end\ndata: {}\n\n'
        if (isLast) return
        await sleep(EVERY_MS, undefined, { signal, ref: false }).catch(() => {})
      }
    } finally {
      this.#lookers -= 1
    }
  }

  /** Tells those who look how it ended, and gives them the time to fetch that. */
  async end(): Promise<void> {
    this.#runs.forget()
    const isSeen = this.#lookers > 0
    this.#ending.abort()
    if (isSeen) await sleep(LAST_LOOK_MS)
  }
}
