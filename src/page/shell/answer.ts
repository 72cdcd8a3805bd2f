import { useEffect, useState } from 'preact/hooks'
import { ServiceError } from './service.js'
import { useToken } from './token.js'

/** What is known of an answer: what came so far, and whether more comes. */
export interface Answer<T> {
  readonly value: T | undefined
  readonly error: string | undefined
  readonly isBusy: boolean
  /** Asks once more. */
  readonly again: () => void
}

interface State<T> {
  readonly value: T | undefined
  readonly error: string | undefined
  readonly isBusy: boolean
}

/** Milliseconds that a setting stays as it is before it is asked for: a slider is moved through many. */
const SETTLED = 120

/**
 * An answer to what `key` says: asked for anew when it changes, whereupon the request under way is cancelled. The value
 * before stays until there is another.
 * @param key what the answer depends on; undefined: nothing is asked
 * @param work asks; what it shows is the value so far, what it gives is the whole
 */
export function useAnswer<T>(
  key: string | undefined,
  work: (signal: AbortSignal, show: (value: T) => void) => Promise<T>,
): Answer<T> {
  const [state, setState] = useState<State<T>>({
    value: undefined,
    error: undefined,
    isBusy: key !== undefined,
  })
  const [round, setRound] = useState(0)
  const { token } = useToken()
  useEffect(() => {
    if (key === undefined) return setState({ value: undefined, error: undefined, isBusy: false })
    const controller = new AbortController()
    const { signal } = controller
    const timer = setTimeout(() => begin(signal), SETTLED)
    setState(({ value }) => ({ value, error: undefined, isBusy: true }))
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key, round, token])

  function begin(signal: AbortSignal): void {
    const show = (value: T, isBusy = true) => {
      if (!signal.aborted) setState({ value, error: undefined, isBusy })
    }
    work(signal, show).then(
      (value) => show(value, false),
      (error: unknown) => {
        if (signal.aborted) return
        setState({ value: undefined, error: wordsOf(error), isBusy: false })
      },
    )
  }
  return { ...state, again: () => setRound((before) => before + 1) }
}

function wordsOf(error: unknown): string {
  if (error instanceof ServiceError) return error.message
  console.error(error)
  return 'The page could not show what the service answered.'
}
