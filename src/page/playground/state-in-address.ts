import { useEffect, useState } from 'preact/hooks'
import { hashOf, type State, stateOf } from './state.js'

/** Milliseconds after which the address follows: browsers refuse one that changes all the time. */
const AFTER = 200

/** The state, which the address's hash begins and follows. */
export function useStateInAddress(): [State, (change: Partial<State>) => void] {
  const [state, setState] = useState(() => stateOf(location.hash))
  useEffect(() => {
    const read = () => setState(stateOf(location.hash))
    addEventListener('hashchange', read)
    return () => removeEventListener('hashchange', read)
  }, [])
  useEffect(() => {
    const hash = hashOf(state)
    const write = () => history.replaceState(null, '', hash === '' ? location.pathname : `#${hash}`)
    const timer = setTimeout(write, AFTER)
    return () => clearTimeout(timer)
  }, [state])
  return [state, (change) => setState((before) => ({ ...before, ...change }))]
}
