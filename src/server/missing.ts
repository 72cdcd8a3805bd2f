import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Told } from './errors.js'

/** Answers what there is nothing for: 405 where a path takes other methods, else 404. To be called before routes are added. */
export function answerMissing(app: FastifyInstance): void {
  const routes: { readonly methods: readonly string[]; readonly pattern: RegExp }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')
    routes.push({ methods: [method].flat(), pattern: new RegExp(`^${pattern}$`) })
  })
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0]!
    const allowed = routes.flatMap(({ methods, pattern }) => (pattern.test(path) ? methods : []))
    const message = `There is no ${request.method} ${path}`
    const told: Told = { error: { message, type: 'invalid_request_error', code: null } }
    if (allowed.length === 0) return reply.code(404).send(told)
    return reply
      .code(405)
      .header('allow', [...new Set(allowed)].join(', '))
      .send(told)
  }
  app.setNotFoundHandler(answer)
  // Before its body is looked at, which may be of any type.
  app.addHook('onRequest', async (request, reply) => (request.is404 ? answer(request, reply) : undefined))
}
