import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { product } from '../check.js'
import { answer, formatOf } from './answers.js'
import { draws } from './draws.js'
import { type Limits, modelField, requestOf, type SamplesQuery, samplesFields } from './fields.js'
import type { Served } from './place.js'
import { responses, SAMPLES, SAMPLES_ERRORS, schemaOf } from './responses.js'
import { arithmetic, type Shelf } from './shelf.js'

const PNG_SUM = 'Pictures, an array, or a picture each as JSON; the same URL gives the same bits'

const answersWith = (...further: Parameters<typeof responses>[2][]) => ({
  ...responses('The samples', SAMPLES, ...SAMPLES_ERRORS, ...further),
  304: { description: 'The client has them already: If-None-Match has their tag' },
})

/** Samples by a URL: of a model's name, or of its fingerprint, which never give other ones. */
export function addSamples(app: FastifyInstance, shelf: Shelf, limits: Limits): void {
  const query = z.strictObject({ model: modelField, ...samplesFields(limits) })
  app.get<{ Querystring: z.infer<typeof query> }>(
    '/v1/samples',
    {
      schema: { summary: PNG_SUM, tags: ['samples'], querystring: schemaOf(query), response: answersWith() },
    },
    async (request, reply) => {
      const { model: name, ...wanted } = request.query
      return shelf.use(name, (served) => give(served, wanted, limits, request, reply, 'no-cache'))
    },
  )
  const byPrint = z.strictObject(samplesFields(limits))
  app.get<{ Params: { fingerprint: string }; Querystring: SamplesQuery }>(
    '/v1/models/:fingerprint/samples',
    {
      schema: {
        summary: `${PNG_SUM}, and may be kept for ever`,
        tags: ['samples'],
        params: schemaOf(z.object({ fingerprint: z.string().describe('As /v1/models has it') })),
        querystring: schemaOf(byPrint),
        response: answersWith(414),
      },
    },
    async (request, reply) => {
      const caching = 'public, max-age=31536000, immutable'
      return shelf.useOf(request.params.fingerprint, (served) =>
        give(served, request.query, limits, request, reply, caching),
      )
    },
  )
}

async function give(
  served: Served,
  wanted: SamplesQuery,
  limits: Limits,
  request: FastifyRequest,
  reply: FastifyReply,
  caching: string,
): Promise<FastifyReply> {
  const format = formatOf(wanted.format, request.headers.accept)
  expectPixels(served, wanted, limits)
  const { format: _, ...settings } = wanted
  const asked = JSON.stringify(Object.entries({ ...settings, format }).sort())
  const etag = `"${createHash('sha256').update(`${served.fingerprint} ${arithmetic()} ${asked}`).digest('base64url')}"`
  reply.header('etag', etag).header('cache-control', caching).header('vary', 'accept')
  if (request.headers['if-none-match']?.split(/ *, */).includes(etag)) return reply.code(304).send()
  const samples = await draws(served, requestOf(wanted, limits), reply)
  return answer(reply, samples, format, wanted.zoom)
}

/** @throws RangeError where a picture is larger than the service draws */
export function expectPixels(
  { sampler }: Served,
  { count, zoom }: Pick<SamplesQuery, 'count' | 'zoom'>,
  { pixels }: Limits,
): void {
  const all = count * product(sampler.model.network.itemShape.slice(1)) * zoom ** 2
  if (all <= pixels) return
  throw new RangeError(
    `Expected a picture of at most ${pixels} pixels but received one of ${all}: lower zoom or count`,
  )
}
