import fastifyHelmet from '@fastify/helmet'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { answerError, schemaError } from './errors.js'
import { answerMissing } from './missing.js'
import { PAGE_POLICY } from './page.js'

/** A server whose pages ask nobody else, and whose errors are one line of JSON. Routes are added to it later. */
export async function createApp(options: FastifyServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    ...options,
    schemaErrorFormatter: schemaError,
    // Of addresses that are none, or too long.
    frameworkErrors: answerError,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', verbose: true } },
  })
  app.setErrorHandler(answerError)
  // Whatever ends TLS before it says that there is TLS.
  await app.register(fastifyHelmet, {
    strictTransportSecurity: false,
    contentSecurityPolicy: { useDefaults: false, directives: PAGE_POLICY },
  })
  answerMissing(app)
  return app
}
