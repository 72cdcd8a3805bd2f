import { native } from './native.js'

/**
 * What a call of the addon gives, or the signal's reason as soon as it is given. The native work ends soon after, and
 * changes nothing. A call that is just changing what outlives it ends as if there had been no signal.
 */
export async function stoppable<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return call
  let onAbort = () => {}
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => {
      if (native().stop(call)) reject(signal.reason)
    }
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([call, stopped])
  } catch (error) {
    call.catch(() => {}) // what a call that was given up says
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
