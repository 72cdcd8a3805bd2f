import type { FastifyInstance } from 'fastify'
import type { Shelf } from './shelf.js'

/** What is served, in the form of OpenAI's list of models with what is known of each. */
export function addModels(app: FastifyInstance, shelf: Shelf): void {
  app.get(
    '/v1/models',
    { schema: { summary: 'The models that are served', tags: ['models'] } },
    async () => ({
      object: 'list',
      data: shelf.all.map(({ name, fingerprint, sampler: { model } }) => ({
        id: name,
        object: 'model',
        created: 0,
        owned_by: 'pfgm-torch',
        fingerprint,
        shape: model.network.itemShape,
        flow: model.config.flow.kind,
        data: model.config.data,
        step: model.config.step,
        classes: model.config.classes ?? model.classCount,
        samples: `/v1/models/${fingerprint}/samples`,
      })),
    }),
  )
}
