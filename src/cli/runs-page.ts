import type { RunsPage } from '../watch/serve.js'
import { printHint, printJson } from './output.js'
import { commandLine } from './words.js'

const USUAL_PORT = 8001

/**
 * Shows runs on a page of this machine.
 * @param port where not given the usual one, or any where that is taken
 */
export async function showRuns(places: readonly string[], port: number | undefined): Promise<RunsPage> {
  // Late: it is as much as all the rest, for whoever looks at a page alone.
  const { serveRuns } = await import('../watch/serve.js')
  if (port !== undefined) return serveRuns(places, port)
  return serveRuns(places, USUAL_PORT).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error
    return serveRuns(places, 0)
  })
}

/** Does the work of a training, whose run is on a page until it ends, however it does. */
export async function withPage(
  out: string,
  {
    ui = false,
    json = false,
  }: { readonly ui?: boolean | number | undefined; readonly json?: boolean | undefined },
  work: () => Promise<void>,
): Promise<void> {
  if (ui === false) return work()
  const { url, close } = await showRuns([out], ui === true ? undefined : ui)
  if (json) printJson({ type: 'listening', url })
  printHint(`${url} shows this training until it ends; after that: ${commandLine(['ui', out], {})}`)
  try {
    await work()
  } finally {
    await close()
  }
}
