import { useEffect, useRef, useState } from 'preact/hooks'
import type { LogPart, RunSummary } from '../../watch/answers.js'
import { address } from '../shell/address.js'
import { ask } from '../shell/service.js'
import { History } from './history.js'

/** What is asked of a run by its name. */
export const runAddress = (name: string, what: string): string =>
  `v1/runs/${encodeURIComponent(name)}/${what}`

/** The logs of runs, which grow as the runs do. */
export function useLogs(runs: readonly RunSummary[]): ReadonlyMap<string, History> {
  const kept = useRef(new Map<string, History>())
  const busy = useRef(new Set<string>())
  const [, setRound] = useState(0)
  const lengths = runs.map(({ name, id, logBytes }) => `${name} ${id} ${logBytes}`).join('\n')
  useEffect(() => {
    for (const run of runs) {
      if (busy.current.has(run.name)) continue
      busy.current.add(run.name)
      void fetchRest(run, kept.current, () => setRound((before) => before + 1)).finally(() =>
        busy.current.delete(run.name),
      )
    }
  }, [lengths])
  return kept.current
}

/** Takes what a log has more than is known of it. */
async function fetchRest(
  { name, id, logBytes }: RunSummary,
  kept: Map<string, History>,
  show: () => void,
): Promise<void> {
  const { signal } = new AbortController()
  const known = kept.get(name)
  const history = known?.id === id ? known : new History(id)
  try {
    while (history.next < logBytes) {
      const from = history.next
      const response = await ask(address(runAddress(name, 'log'), { from }), { signal })
      const part = (await response.json()) as LogPart
      if (part.id !== id || part.from !== from) return void kept.delete(name)
      history.add(part)
      kept.set(name, history)
      show()
      if (part.next === from) return
    }
  } catch {
    // It is asked for again with the next news of the run.
  }
}
