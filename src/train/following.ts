/**
 * Yields how far work is, the newest report alone, and returns what it comes to. Whoever leaves the loop ends the work,
 * through its signal, and waits for that.
 * @param signal ends the work, too
 */
export async function* following<T>(
  signal: AbortSignal | undefined,
  work: (report: (fraction: number) => void, signal: AbortSignal) => Promise<T>,
): AsyncGenerator<number, T, void> {
  const left = new AbortController()
  const either = signal ? AbortSignal.any([signal, left.signal]) : left.signal
  let newest: number | undefined
  let wake = (): void => {}
  let done = false
  const report = (fraction: number) => {
    newest = fraction
    wake()
  }
  const working = work(report, either).finally(() => {
    done = true
    wake()
  })
  working.catch(() => {}) // met below
  try {
    while (!done) {
      if (newest === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      if (newest === undefined) continue
      const fraction = newest
      newest = undefined
      yield fraction
    }
    return await working
  } finally {
    if (!done) {
      left.abort(new Error('nobody follows any more'))
      await working.catch(() => {})
    }
  }
}
