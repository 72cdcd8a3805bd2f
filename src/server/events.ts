import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Submission } from '../sampler/request.js'
import { jsonOf, pngsOf } from './answers.js'
import { clientOf } from './draws.js'
import { toldOf } from './errors.js'
import { type Limits, modelField, requestOf, samplesFields } from './fields.js'
import { expectPixels, schemaOf } from './samples.js'
import type { Shelf } from './shelf.js'

/** Milliseconds between previews: as many a second as are seen. */
const BETWEEN = 40

/** Samples while they form, as events of the server. */
export function addEvents(app: FastifyInstance, shelf: Shelf, limits: Limits): void {
  const { format: _, ...fields } = samplesFields(limits)
  const query = z.strictObject({ model: modelField, ...fields })
  app.get<{ Querystring: z.infer<typeof query> }>(
    '/v1/samples/events',
    {
      schema: {
        summary: 'The same as server-sent events: preview after preview, then done',
        tags: ['samples'],
        querystring: schemaOf(query),
      },
    },
    async (request, reply) => {
      const { model: name, ...wanted } = request.query
      const served = shelf.expect(name)
      expectPixels(served, wanted, limits)
      const { signal } = clientOf(reply)
      const submission = served.sampler.submit({ ...requestOf(wanted, limits), previews: true, signal })
      const { itemShape } = served.sampler.model.network
      reply.type('text/event-stream').header('cache-control', 'no-store')
      submission.result.then(
        (samples) => app.figures?.drawn(served.name, samples),
        () => {},
      )
      return reply.send(Readable.from(eventsOf(submission, itemShape, wanted.zoom)))
    },
  )
}

async function* eventsOf(
  submission: Submission,
  itemShape: readonly number[],
  zoom: number,
): AsyncGenerator<string> {
  try {
    for await (const { sample, height, values } of submission) {
      const [png] = await pngsOf({ values, shape: [1, ...itemShape] }, zoom)
      yield event('preview', { sample, height, image: png!.toString('base64') })
      await sleep(BETWEEN)
    }
    yield event('done', await jsonOf(await submission.result, zoom))
  } catch (error) {
    yield event('error', toldOf(error as Error).told)
  }
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
