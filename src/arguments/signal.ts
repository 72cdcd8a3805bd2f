/** Signals of other realms and libraries (a test runner's, a polyfill's), which may know less than this realm's. */

/** Those that were met, and what stands for each of them here: one listener a signal, however many calls it is given to. */
const KNOWN = new WeakMap<object, AbortSignal>()

interface Aborting {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void, options: { once: true }): void
}

export function isSignal(value: unknown): value is Aborting {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener } = value as Partial<Aborting>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}

/** A signal of this realm that is aborted when the given one is. */
export function foreignSignal(given: Aborting): AbortSignal {
  if (given instanceof AbortSignal) return given
  const known = KNOWN.get(given)
  if (known) return known
  const controller = new AbortController()
  const abort = () => controller.abort(given.reason)
  if (given.aborted) abort()
  else given.addEventListener('abort', abort, { once: true })
  KNOWN.set(given, controller.signal)
  return controller.signal
}

/**
 * What somebody else's code resolves to, or the signal's reason as soon as it is aborted.
 * @param late gets what comes after all
 */
export async function orAborted<T>(
  signal: AbortSignal | undefined,
  work: () => T | PromiseLike<T>,
  late: (value: T) => void = () => {},
): Promise<T> {
  if (!signal) return work()
  signal.throwIfAborted()
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const done = async () => work()
    done()
      .then((value) => (signal.aborted ? late(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}
