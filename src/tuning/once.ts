/** Work under way by name, for each owner: those who want it at the same time share one. */
const UNDER_WAY = new WeakMap<object, Map<string, Promise<unknown>>>()

/**
 * Does work for an owner, or waits for the same work that is under way. Where that is given up by the one who asked for
 * it, whoever still waits does it.
 * @param signal ends this caller's wait, or the work if it is this caller's
 */
export async function once<T>(
  owner: object,
  name: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const all = UNDER_WAY.get(owner) ?? new Map<string, Promise<unknown>>()
  UNDER_WAY.set(owner, all)
  for (let others = all.get(name); others !== undefined; others = all.get(name)) {
    const done = await waitFor(others, signal)
    if (done.succeeded) return done.value as T
  }
  const own = work()
  all.set(name, own)
  try {
    return await own
  } finally {
    all.delete(name)
  }
}

/** The outcome of somebody else's work; their failure is not ours. */
async function waitFor(
  others: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<{ succeeded: true; value: unknown } | { succeeded: false }> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    others
      .then(
        (value) => resolve({ succeeded: true, value }),
        () => resolve({ succeeded: false }),
      )
      .finally(() => signal?.removeEventListener('abort', onAbort))
  })
}
