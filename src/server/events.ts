import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Submission } from '../sampler/request.js'
import { jsonOf, pngsOf } from './answers.js'
import { clientOf } from './draws.js'
import { toldOf } from './errors.js'
import { type Limits, modelField, requestOf, samplesFields } from './fields.js'
import { bytes, responses, SAMPLES_ERRORS, schemaOf } from './responses.js'
import { expectPixels } from './samples.js'
import type { Shelf } from './shelf.js'

/** Milliseconds between previews: as many a second as are seen. */
const BETWEEN = 40

/** Samples while they form, as events of the server. */
export function addEvents(app: FastifyInstance, shelf: Shelf, limits: Limits): void {
  const { format: _, ...fields } = samplesFields(limits)
  const previews = z
    .enum(['newest', 'all'])
    .default('newest')
    .describe('Of a sample the newest preview now and then, or all of them')
  const query = z.strictObject({ model: modelField, ...fields, previews })
  app.get<{ Querystring: z.infer<typeof query> }>(
    '/v1/samples/events',
    {
      schema: {
        summary: 'The same as server-sent events: preview after preview, then done',
        tags: ['samples'],
        querystring: schemaOf(query),
        response: responses('Events', bytes('text/event-stream'), ...SAMPLES_ERRORS),
      },
    },
    async (request, reply) => {
      const { model: name, previews, ...wanted } = request.query
      const isForAll = previews === 'all'
      const { served, release } = await shelf.hold(name)
      const begin = () => {
        expectPixels(served, wanted, limits)
        const { signal } = clientOf(reply)
        return served.sampler.submit({
          ...requestOf(wanted, limits),
          previews: isForAll ? previews : true,
          signal,
        })
      }
      const submission = orRelease(begin, release)
      const { itemShape } = served.sampler.model.network
      reply.type('text/event-stream').header('cache-control', 'no-store')
      submission.result
        .then(
          (samples) => app.figures?.drawn(served.name, samples),
          () => {},
        )
        .finally(release)
      return reply.send(Readable.from(eventsOf(submission, itemShape, wanted.zoom, isForAll ? 0 : BETWEEN)))
    },
  )
}

function orRelease<T>(begin: () => T, release: () => void): T {
  try {
    return begin()
  } catch (error) {
    release()
    throw error
  }
}

async function* eventsOf(
  submission: Submission,
  itemShape: readonly number[],
  zoom: number,
  between: number,
): AsyncGenerator<string> {
  try {
    for await (const { sample, height, values } of submission) {
      const [png] = await pngsOf({ values, shape: [1, ...itemShape] }, zoom)
      yield event('preview', { sample, height, image: png!.toString('base64') })
      await sleep(between)
    }
    yield event('done', await jsonOf(await submission.result, zoom))
  } catch (error) {
    yield event('error', toldOf(error as Error).told)
  }
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
