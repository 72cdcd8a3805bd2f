import { useEffect, useRef, useState } from 'preact/hooks'
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
  const asked = JSON.stringify([key, round, token])
  const answered = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (key !== undefined && answered.current === asked) return
    answered.current = undefined
    setState(({ value }) => ({
      value: key === undefined ? undefined : value,
      error: undefined,
      isBusy: key !== undefined,
    }))
    if (key === undefined || !isTurn) return
    const controller = new AbortController()
    const timer = setTimeout(() => begin(controller.signal), SETTLED)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [asked, isTurn])

  function begin(signal: AbortSignal): void {
    const set = (part: Partial<State<T>>) => {
      if (signal.aborted) return
      const state = { value: undefined, error: undefined, isBusy: false, ...part }
      if (!state.isBusy) answered.current = asked
      setState(state)
    }
    work(signal, (value) => set({ value, isBusy: true })).then(
      (value) => set({ value }),
      (error: unknown) => set({ error: signal.aborted ? undefined : wordsOf(error) }),
    )
  }
  return { ...state, again: () => setRound((before) => before + 1) }
}

/** None where the service asks for a token: the page does, too. */
function wordsOf(error: unknown): string | undefined {
  if (error instanceof ServiceError) return error.status === 401 ? undefined : error.message
  console.error(error)
  return 'The page could not read what the service answered.'
}
