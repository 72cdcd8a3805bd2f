import { type Options, SingleBar } from 'cli-progress'
import { printHint, setBar } from './output.js'

/** How far a piece of work is: a bar on a terminal, a line now and then elsewhere; on stderr. */
export interface Progress {
  /** @param fraction of the whole, 0 to 1 */
  update(fraction: number, text: string): void
  /** Removes the bar. */
  end(): void
}

export function startProgress(): Progress {
  return process.stderr.isTTY ? new Bar() : new Lines()
}

export const NO_PROGRESS: Progress = { update() {}, end() {} }

const WIDEST_BAR = 32
/** The bar counts in these, as cli-progress wants whole numbers. */
const PARTS = 10_000

const BAR_OPTIONS: Options = {
  stream: process.stderr,
  format: (_options, { progress }, { text }) => barLine(progress, text, process.stderr.columns ?? 80),
  clearOnComplete: true,
  linewrap: true,
}

function barLine(fraction: number, text: string, columns: number): string {
  const words = `${String(Math.floor(fraction * 100)).padStart(3)} %  ${text}`.slice(0, columns - 1)
  const width = Math.max(0, Math.min(WIDEST_BAR, columns - words.length - 2))
  const full = Math.round(fraction * width)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${words}`
}

class Bar implements Progress {
  readonly #bar = new SingleBar(BAR_OPTIONS)
  #shown = false

  update(fraction: number, text: string): void {
    const value = Math.floor(fraction * PARTS)
    if (this.#shown) {
      this.#bar.update(value, { text })
      return
    }
    this.#bar.start(PARTS, value, { text })
    this.#shown = true
    setBar(() => this.end())
  }

  end(): void {
    if (this.#shown) this.#bar.stop()
    this.#shown = false
  }
}

const SECONDS_BETWEEN_LINES = 5

class Lines implements Progress {
  #printed = 0
  #tenth = -1

  update(fraction: number, text: string): void {
    const tenth = Math.floor(fraction * 10)
    const now = performance.now()
    if (tenth === this.#tenth && now - this.#printed < SECONDS_BETWEEN_LINES * 1000) return
    this.#printed = now
    this.#tenth = tenth
    printHint(`${String(Math.floor(fraction * 100)).padStart(3)} %  ${text}`)
  }

  end(): void {}
}
