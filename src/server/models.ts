import type { FastifyInstance } from 'fastify'
import type { Shelf } from './shelf.js'

/** What is served, in the form of OpenAI's list of models with what is known of each. */
export function addModels(app: FastifyInstance, shelf: Shelf): void {
  app.get(
    '/v1/models',
    { schema: { summary: 'The models that are served', tags: ['models'] } },
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
