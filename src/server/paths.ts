import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { PfgmError } from '../errors.js'
import type { EncodeOptions } from '../model/encode.js'
import type { PoissonFlow } from '../poisson-flow.js'
import { npyBytes } from '../tensor/npy-header.js'
import { draw, encoded } from '../tensor/picture.js'
import type { Tensor } from '../tensor/tensor.js'
import { clientOf } from './draws.js'
import { type Limits, labelField, labelOf, modelField } from './fields.js'
import { imageOf } from './pictures.js'
import { bytes, json, pictureBody, responses, SAMPLES_ERRORS, schemaOf } from './responses.js'
import { expectPixels } from './samples.js'
import type { Shelf } from './shelf.js'

/** Most of these requests under way at once: each goes through the network more often than a sample. */
const MOST_UNDERWAY = 4

type PathOptions = Pick<EncodeOptions, 'labels' | 'rtol' | 'atol' | 'signal'>

const ofPicture = z.strictObject({
  model: modelField,
  label: labelField,
  rtol: z.number().min(1e-5).max(0.1).default(1e-3).describe('Tolerance of the path'),
})

const LIKELIHOOD = json(
  z.object({
    logLikelihood: z.number(),
    bitsPerDimension: z.number(),
    standardError: z.number(),
    evaluations: z.number(),
  }),
)

/** Paths between pictures and the far plane: encodings, likelihoods, and pictures between two samples. */
export function addPaths(app: FastifyInstance, shelf: Shelf, limits: Limits): void {
  let underway = 0
  /** Work for a client, with a place among those under way. */
  const alone = async <T>(reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    if (underway >= MOST_UNDERWAY)
      throw new PfgmError(
        'ERR_PFGM_OVERLOADED',
        `Could not take the request: ${underway} of its kind are under way. Try again later`,
      )
    underway += 1
    const { signal, forget } = clientOf(reply)
    try {
      return await work(signal)
    } finally {
      forget()
      underway -= 1
    }
  }
  const schema = (summary: string, querystring: z.ZodType, rest: object) => ({
    schema: { summary, tags: ['paths'], querystring: schemaOf(querystring), ...rest },
  })

  /** A route for what is computed of a picture. */
  const post = <T>(
    path: string,
    summary: string,
    content: Record<string, object>,
    work: (model: PoissonFlow, image: Tensor<'uint8'>, options: PathOptions) => Promise<T>,
    answer: (found: T, reply: FastifyReply) => Promise<unknown>,
  ) =>
    app.post<{ Querystring: z.infer<typeof ofPicture>; Body: Buffer }>(
      path,
      schema(summary, ofPicture, {
        body: pictureBody('image/png', 'image/jpeg', 'image/webp'),
        response: responses(summary, content, ...SAMPLES_ERRORS, 413, 415),
      }),
      async ({ query: { model, label, rtol }, body }, reply) => {
        const found = await shelf.use(model, async (served) => {
          using image = await imageOf(served, body)
          return await alone(reply, (signal) =>
            work(served.sampler.model, image, { ...labelOf(label), rtol, atol: rtol, signal }),
          )
        })
        return await answer(found, reply)
      },
    )

  post(
    '/v1/encode',
    'Where a picture (PNG, JPEG, WebP) lies on the far plane, as .npy of float64',
    bytes('application/octet-stream'),
    (model, image, options) => model.encode(image, options),
    async ({ encodings, nfe }, reply) => {
      using found = encodings
      reply.type('application/octet-stream').header('x-evaluations', nfe)
      return reply.send(npyBytes('float64', found.shape, await found.data()))
    },
  )
  post(
    '/v1/likelihood',
    'ln p and bits per dimension of a picture (PNG, JPEG, WebP)',
    LIKELIHOOD,
    (model, image, options) => model.logLikelihood(image, options),
    async ({ logLikelihoods, bitsPerDimension, standardErrors, nfe }) => ({
      logLikelihood: logLikelihoods[0],
      bitsPerDimension: bitsPerDimension[0],
      standardError: standardErrors[0],
      evaluations: nfe,
    }),
  )

  const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
  const between = z.strictObject({
    ...ofPicture.shape,
    from: seed.describe('The seed of the first sample'),
    to: seed.describe('The seed of the last one'),
    steps: z.number().int().min(2).max(limits.count).default(8).describe('Pictures, both ends included'),
    zoom: z.number().int().min(1).max(64).default(1).describe('Pixels a pixel'),
  })
  app.get<{ Querystring: z.infer<typeof between> }>(
    '/v1/interpolate',
    schema('A strip of pictures from one sample to another, as PNG', between, {
      response: responses('The strip', bytes('image/png'), ...SAMPLES_ERRORS),
    }),
    async ({ query: { model, label, rtol, from, to, steps, zoom } }, reply) => {
      const options = { ...labelOf(label), rtol, atol: rtol }
      const { images } = await shelf.use(model, async (served) => {
        expectPixels(served, { count: steps, zoom }, limits)
        return alone(reply, async (signal) => {
          const flow = served.sampler.model
          const sample = async (of: number) =>
            (await flow.sample({ ...labelOf(label), count: 1, seed: of, signal })).images
          using first = await sample(from)
          using last = await sample(to)
          return await flow.interpolate(first, last, { ...options, steps, signal })
        })
      })
      using strip = images
      const picture = await draw(strip, { columns: steps, zoom, gap: Math.ceil(zoom / 2) })
      return reply.type('image/png').send(await encoded(picture, 'png'))
    },
  )
}
