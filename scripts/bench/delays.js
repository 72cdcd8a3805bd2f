import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const TIMER_MS = 1

/**
 * Milliseconds. `loop`: between two looks of Node's own monitor, which looks every millisecond. `lateness`: how much
 * later than asked for timers of 1 ms fired.
 * @typedef {{ p50: number, p99: number, max: number }} Spread
 * @typedef {{ seconds: number, loop: Spread, lateness: Spread }} Delays
 */

/**
 * How the event loop did while work was under way.
 * @param {() => Promise<unknown>} work
 * @returns {Promise<Delays>}
 */
export async function measureDelays(work) {
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  const timers = new Timers()
  monitor.enable()
  const began = performance.now()
  try {
    await work()
  } finally {
    monitor.disable()
    await timers.end()
  }
  const loop = {
    p50: monitor.percentile(50) / 1e6,
    p99: monitor.percentile(99) / 1e6,
    max: monitor.max / 1e6,
  }
  return { seconds: (performance.now() - began) / 1000, loop, lateness: timers.spread() }
}

/** One timer of 1 ms after another. */
class Timers {
  #ended = false
  #late = []
  #running = this.#run()

  async #run() {
    while (!this.#ended) {
      const due = performance.now() + TIMER_MS
      await sleep(TIMER_MS)
      this.#late.push(Math.max(performance.now() - due, 0))
    }
  }

  end() {
    this.#ended = true
    return this.#running
  }

  spread() {
    const sorted = this.#late.sort((a, b) => a - b)
    const at = (share) => sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)]
    return { p50: at(0.5), p99: at(0.99), max: at(1) }
  }
}
