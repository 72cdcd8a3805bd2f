import fastifyBearerAuth from '@fastify/bearer-auth'
import fastifySwagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { info } from '../native/device.js'
import type { SamplerOptions } from '../sampler/sampler.js'
import { createApp } from './app.js'
import type { Limits } from './fields.js'
import { Figures } from './figures.js'
import { addPage } from './page.js'
import pfgmTorch from './plugin.js'
import { type Described, referencePage } from './reference.js'
import { Shelf, type ShelfOptions } from './shelf.js'

export interface ServeOptions extends ShelfOptions {
  /** By the names that requests have for them. */
  readonly models: Readonly<Record<string, SamplerOptions['model']>>
  /** Tokens, one of which requests must have; none: anybody may ask. */
  readonly tokens: readonly string[]
  readonly limits: Partial<Limits>
  /** Of pino; silent for none. */
  readonly logLevel: string
}

/** More than any request here is. */
const MOST_BYTES = 2 ** 20

/**
 * A service that draws samples: the plugin's routes, a page at `/`, health, figures for Prometheus and what the interface is.
 * Its models are loaded; it does not listen yet.
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where there is no model
 */
export async function createService(options: ServeOptions): Promise<FastifyInstance> {
  const { models, tokens, limits, logLevel, ...sampler } = options
  const shelf = await Shelf.open(models, sampler)
  const app = await createApp({
    logger: { level: logLevel, redact: ['req.headers.authorization'] },
    bodyLimit: MOST_BYTES,
    requestTimeout: 30_000,
  })
  const figures = new Figures(shelf)
  app.decorate('figures', figures)
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'pfgm-torch', description: 'Samples of Poisson flow models', version: info().version },
      ...(tokens.length > 0 && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
  })
  let isReady = true
  app.addHook('preClose', async () => {
    isReady = false
  })
  // A connection that is kept would keep the service.
  app.addHook('onSend', async (_, reply) => {
    if (!isReady) reply.header('connection', 'close')
  })
  app.addHook('onResponse', async (request, reply) => {
    figures.requested(request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000)
  })
  let page: ReturnType<typeof referencePage> | undefined
  const own = { schema: { hide: true }, logLevel: 'warn' } as const
  app.get('/healthz', own, async () => ({ status: 'ok' }))
  app.get('/readyz', own, async (_, reply) =>
    isReady ? { status: 'ready' } : reply.code(503).send({ status: 'draining' }),
  )
  app.get('/metrics', own, async (_, reply) =>
    reply.type(figures.registry.contentType).send(await figures.registry.metrics()),
  )
  app.get('/openapi.json', own, async () => app.swagger())
  await addPage(app, 'playground')
  app.get('/docs', own, async (_, reply) => {
    page ??= referencePage(app.swagger() as Described)
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', page.policy)
      .send(page.html)
  })
  await app.register(async (inside) => {
    if (tokens.length > 0) {
      await inside.register(fastifyBearerAuth, {
        keys: new Set(tokens),
        // Its type knows the plugin's own form alone.
        errorResponse: (({ message }: Error) => ({
          error: { message, type: 'invalid_request_error', code: 'invalid_token' },
        })) as never,
      })
    }
    await inside.register(pfgmTorch, { models: shelf, limits })
  })
  await app.ready()
  return app
}
