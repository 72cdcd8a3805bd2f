import type { FastifyInstance } from 'fastify'
import { createApp } from '../server/app.js'
import { addPage } from '../server/page.js'
import { News } from './news.js'
import { type Watched, watchRuns } from './plugin.js'
import { Runs } from './runs.js'

/** Where the page is: on this machine alone. */
const HOST = '127.0.0.1'
/** Names that a browser of this machine has for it; also of another one, through a tunnel. */
const NAMES = ['127.0.0.1', 'localhost', '[::1]']
/** Folders may have long names, and letters of which each is several in an address. */
const LONGEST_NAME = 3000

/** A page of runs, which listens. */
export interface RunsPage {
  /** Its address. */
  readonly url: string
  /** Ends it, whoever looks at it. */
  close(): Promise<void>
}

/**
 * Shows runs on a page of this machine.
 * @param places folders of runs, and runs; one that is not there may come
 * @param port 0 for any that is free
 * @throws Error with the system's code where the port is taken
 */
export async function serveRuns(places: readonly string[], port: number): Promise<RunsPage> {
  const runs = new Runs(places)
  const news = new News(runs)
  const app = await createRunsPage({ runs, news })
  const url = await app.listen({ host: HOST, port })
  const close = async () => {
    await news.end()
    await app.close()
  }
  return { url, close }
}

/** The same, which does not listen. */
export async function createRunsPage(watched: Watched): Promise<FastifyInstance> {
  const app = await createApp({
    forceCloseConnections: true,
    routerOptions: { maxParamLength: LONGEST_NAME },
  })
  // A page of elsewhere whose name was made to lead here could read what this one tells.
  app.addHook('onRequest', async ({ hostname }) => {
    if (NAMES.includes(hostname)) return
    throw Object.assign(
      new Error(`Expected a host of ${NAMES.join(', ')} but received ${hostname.slice(0, 100)}`),
      {
        statusCode: 403,
      },
    )
  })
  await addPage(app, 'training')
  await app.register(watchRuns, watched)
  await app.ready()
  return app
}
