import { useEffect, useState } from 'preact/hooks'
import type { RunSummary } from '../../watch/answers.js'
import { eventsOf } from '../shell/events.js'
import { ask } from '../shell/service.js'

/** The runs as they are now. */
export interface KnownRuns {
  /** Undefined until they are known. */
  readonly runs: readonly RunSummary[] | undefined
  /** Whether news of them come; `ended` where the server has said that no more will. */
  readonly link: 'open' | 'lost' | 'ended'
}

/** Milliseconds until a server that does not answer is asked again. */
const AGAIN = 2000

/** The runs, told anew by the server whenever there is more of one. */
export function useRuns(): KnownRuns {
  const [known, setKnown] = useState<KnownRuns>({ runs: undefined, link: 'open' })
  useEffect(() => {
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const listen = async () => {
      const link = await follow(controller.signal, (runs) => setKnown({ runs, link: 'open' }))
      if (controller.signal.aborted) return
      setKnown((before) => ({ ...before, link: before.link === 'ended' ? 'ended' : link }))
      timer = setTimeout(listen, AGAIN)
    }
    void listen()
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [])
  return known
}

/** Until the server has no more to tell, or does not answer. */
async function follow(
  signal: AbortSignal,
  show: (runs: readonly RunSummary[]) => void,
): Promise<'lost' | 'ended'> {
  try {
    for await (const { name, data } of eventsOf(await ask('v1/events', { signal }))) {
      if (name === 'runs') show(data as readonly RunSummary[])
      if (name === 'end') return 'ended'
    }
  } catch {
    // The page says that the server is gone, and asks again.
  }
  return 'lost'
}
