import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { answer, formatOf } from './answers.js'
import { draws } from './draws.js'
import { type Limits, modelField, requestOf, samplesFields } from './fields.js'
import { imageWithHoles } from './pictures.js'
import { pictureBody, responses, SAMPLES, SAMPLES_ERRORS, schemaOf } from './responses.js'
import { expectPixels } from './samples.js'
import type { Shelf } from './shelf.js'

/** Pictures with what is transparent filled in: samples that have the other pixels. */
export function addFill(app: FastifyInstance, shelf: Shelf, limits: Limits): void {
  const query = z.strictObject({ model: modelField, ...samplesFields(limits) })
  app.post<{ Querystring: z.infer<typeof query>; Body: Buffer }>(
    '/v1/fill',
    {
      schema: {
        summary: "A picture (PNG, WebP) of the model's size with what is not wholly opaque filled in",
        tags: ['samples'],
        querystring: schemaOf(query),
        body: pictureBody('image/png', 'image/webp'),
        response: responses('The picture, filled in', SAMPLES, ...SAMPLES_ERRORS, 413, 415),
      },
    },
    async (request, reply) => {
      const { model: name, ...wanted } = request.query
      return shelf.use(name, async (served) => {
        expectPixels(served, wanted, limits)
        const fill = await imageWithHoles(served, request.body)
        using _image = fill.image
        using _mask = fill.mask
        const samples = await draws(served, { ...requestOf(wanted, limits), fill }, reply)
        return answer(reply, samples, formatOf(wanted.format, request.headers.accept), wanted.zoom)
      })
    },
  )
}
