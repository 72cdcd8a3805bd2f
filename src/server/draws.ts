import type { FastifyReply } from 'fastify'
import type { SubmittedSamples } from '../sampler/request.js'
import type { SampleRequest } from '../sampler/sampler.js'
import type { Served } from './place.js'

/** A signal that is aborted as soon as a client is gone before it has its answer. */
export function clientOf(reply: FastifyReply): { signal: AbortSignal; forget: () => void } {
  const { raw, request, server } = reply
  const controller = new AbortController()
  const gone = () => {
    if (raw.writableFinished) return
    server.figures?.abandoned(request.routeOptions.url ?? 'none')
    controller.abort(Object.assign(new Error('the client is gone'), { statusCode: 499 }))
  }
  if (raw.destroyed) gone()
  else raw.once('close', gone)
  return { signal: controller.signal, forget: () => raw.off('close', gone) }
}

/** Draws samples for a client: as soon as it is gone nothing more is computed for it. */
export async function draws(
  { sampler, name }: Served,
  request: SampleRequest,
  reply: FastifyReply,
): Promise<SubmittedSamples> {
  const { signal, forget } = clientOf(reply)
  try {
    const samples = await sampler.submit({ ...request, signal }).result
    reply.server.figures?.drawn(name, samples)
    return samples
  } finally {
    forget()
  }
}
