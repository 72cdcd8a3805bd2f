import { useEffect, useState } from 'preact/hooks'
import { ServiceError } from './service.js'
import { useToken } from './token.js'

interface State<T> {
  /** What came so far. */
  readonly value: T | undefined
  /** What went wrong, in words. */
  readonly error: string | undefined
  /** Whether more comes. */
  readonly isBusy: boolean
}

/** What is known of an answer. */
export interface Answer<T> extends State<T> {
  /** Asks once more. */
  readonly again: () => void
}

/** Milliseconds that a setting stays as it is before it is asked for: a slider is moved through many. */
const SETTLED = 120

/**
 * An answer to what `key` says: asked for anew when it changes, whereupon the request under way is cancelled. The value
 * before stays until there is another.
 * @param key what the answer depends on; undefined: nothing is asked
 * @param work asks; what it shows is the value so far, what it gives is the whole
 * @param isTurn whether it may be asked already: others go before
 */
export function useAnswer<T>(
  key: string | undefined,
  work: (signal: AbortSignal, show: (value: T) => void) => Promise<T>,
  isTurn = true,
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
    setState(({ value }) => ({ value, error: undefined, isBusy: true }))
    if (!isTurn) return
    const controller = new AbortController()
    const { signal } = controller
    const timer = setTimeout(() => begin(signal), SETTLED)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key, round, token, isTurn])

  function begin(signal: AbortSignal): void {
    const show = (isBusy: boolean) => (value: T) => {
      if (!signal.aborted) setState({ value, error: undefined, isBusy })
    }
    work(signal, show(true)).then(show(false), (error: unknown) => {
      if (signal.aborted) return
      setState({ value: undefined, error: wordsOf(error), isBusy: false })
    })
  }
  return { ...state, again: () => setRound((before) => before + 1) }
}

/** None where the service asks for a token: the page does, too. */
function wordsOf(error: unknown): string | undefined {
  if (error instanceof ServiceError) return error.status === 401 ? undefined : error.message
  console.error(error)
  return 'The page could not read what the service answered.'
}
