import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { json, responses } from './responses.js'
import type { Shelf } from './shelf.js'

const MODELS = json(
  z.object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        id: z.string(),
        object: z.literal('model'),
        created: z.number(),
        owned_by: z.string(),
        fingerprint: z.string(),
        shape: z.array(z.number()),
        flow: z.string(),
        data: z.string(),
        step: z.number(),
        classes: z.union([z.number(), z.array(z.string())]).describe('How many, or their names'),
        loaded: z.boolean(),
        bytes: z.number().describe('Of its weights'),
        samples: z.string().describe('Where its samples are'),
      }),
    ),
  }),
)

/** What is served, in the form of OpenAI's list of models with what is known of each. */
export function addModels(app: FastifyInstance, shelf: Shelf): void {
  app.get(
    '/v1/models',
    {
      schema: {
        summary: 'The models that are served',
        tags: ['models'],
        response: responses('The models', MODELS),
      },
    },
    async () => ({
      object: 'list',
      data: shelf.all.map(({ name, isLoaded, known }) => ({
        id: name,
        object: 'model',
        created: 0,
        owned_by: 'pfgm-torch',
        fingerprint: known.fingerprint,
        shape: known.shape,
        flow: known.config.flow.kind,
        data: known.config.data,
        step: known.config.step,
        classes: known.config.classes ?? known.classCount,
        loaded: isLoaded,
        bytes: known.bytes,
        samples: `/v1/models/${known.fingerprint}/samples`,
      })),
    }),
  )
}
