import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { RunFolder } from '../checkpoint/run-folder.js'
import { Fields } from './field.js'
import { readLog } from './log.js'
import type { News } from './news.js'
import { readConfig } from './run.js'
import type { Runs } from './runs.js'

/** What is told of. */
export interface Watched {
  readonly runs: Runs
  readonly news: News
}

/**
 * A Fastify plugin that tells of runs: `GET /v1/runs`, `GET /v1/events`, and of one run `/v1/runs/<name>/log`, `/config`,
 * `/pictures/<step>` and `/field`. A request names a run that is in the list, never a path.
 */
export const watchRuns: FastifyPluginAsync<Watched> = async (app, { runs, news }) => {
  const fields = new Fields()

  app.get('/v1/runs', async () => ({ data: (await runs.all()).map(({ summary }) => summary) }))

  app.get('/v1/events', async (_, reply) => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    reply.type('text/event-stream').header('cache-control', 'no-store')
    return reply.send(Readable.from(news.events(gone.signal)))
  })

  const part = z.strictObject({ from: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0) })
  app.get<OfRun<unknown, z.infer<typeof part>>>(
    '/v1/runs/:run/log',
    { schema: query(part) },
    async (request) => {
      const { path, summary } = await runs.expect(request.params.run)
      return { id: summary.id, ...(await readLog(new RunFolder(path).log, request.query.from)) }
    },
  )

  app.get<OfRun>('/v1/runs/:run/config', async (request) => {
    const { path } = await runs.expect(request.params.run)
    return (await readConfig(path)) ?? gone('config.json')
  })

  app.get<OfRun<{ step: string }>>('/v1/runs/:run/pictures/:step', async (request, reply) => {
    const { path, summary } = await runs.expect(request.params.run)
    const { step } = request.params
    const folder = new RunFolder(path)
    if (step === 'final') return picture(folder.finalPicture, request, reply)
    const known = summary.pictures.find((each) => String(each) === step)
    return known === undefined ? gone('picture of that step') : picture(folder.picture(known), request, reply)
  })

  app.get<OfRun>('/v1/runs/:run/field', async (request) => fields.of(await runs.expect(request.params.run)))
}

/** What requests have that are of one run. */
interface OfRun<Params = unknown, Query = unknown> {
  Params: { run: string } & Params
  Querystring: Query
}

const query = (schema: z.ZodType) => ({
  querystring: z.toJSONSchema(schema, { io: 'input', target: 'draft-7' }),
})

/** A picture that may be written anew, as by a run that goes on from before it. */
async function picture(path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const file = await stat(path).catch(() => gone('picture of that step'))
  const etag = `"${file.ino}-${file.mtimeMs}-${file.size}"`
  reply.header('etag', etag).header('cache-control', 'no-cache').type('image/png')
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.send(await readFile(path).catch(() => gone('picture of that step')))
}

/** @throws Error of status 404 */
function gone(what: string): never {
  throw Object.assign(new Error(`The run has no ${what}`), { statusCode: 404 })
}
