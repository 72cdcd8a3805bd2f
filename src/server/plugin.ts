import type { FastifyPluginAsync } from 'fastify'
import type { SamplerOptions } from '../sampler/sampler.js'
import { answerError } from './errors.js'
import { addEvents } from './events.js'
import { LIMITS, type Limits } from './fields.js'
import type { Figures } from './figures.js'
import { addFill } from './fill.js'
import { addGenerations } from './generations.js'
import { addModels } from './models.js'
import { addPaths } from './paths.js'
import { takePictures } from './pictures.js'
import { addSamples } from './samples.js'
import { Shelf, type ShelfOptions } from './shelf.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where a service measures itself. @internal */
    figures?: Figures
  }
}

/** What a Fastify app serves. */
export interface PfgmTorchOptions extends ShelfOptions {
  /** Models by the names that requests have for them: names or files as `PoissonFlow.load` takes them, or loaded ones. */
  models: Readonly<Record<string, SamplerOptions['model']>> | Shelf
  /** What a request may ask for. */
  limits?: Partial<Limits>
}

/**
 * A Fastify plugin with the routes of `pfgm-torch serve` below `/v1/`: samples, previews, pictures filled in, encodings,
 * likelihoods, interpolation, the models, and OpenAI's interface for images. It loads the models, and closes them with the app.
 */
const pfgmTorch: FastifyPluginAsync<PfgmTorchOptions> = async (app, options) => {
  const { models, limits: given, device, maxRows, queueLimit, memory } = options
  const sampler = {
    ...(device && { device }),
    ...(maxRows !== undefined && { maxRows }),
    ...(queueLimit !== undefined && { queueLimit }),
    ...(memory !== undefined && { memory }),
  }
  const shelf = models instanceof Shelf ? models : await Shelf.open(models, sampler)
  const limits = { ...LIMITS, ...given }
  app.setErrorHandler(answerError)
  takePictures(app)
  addModels(app, shelf)
  addSamples(app, shelf, limits)
  addEvents(app, shelf, limits)
  addFill(app, shelf, limits)
  addGenerations(app, shelf, limits)
  addPaths(app, shelf, limits)
  app.addHook('onClose', () => shelf.close())
}

export default pfgmTorch
