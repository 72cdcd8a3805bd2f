import type { FastifyReply } from 'fastify'
import type { SubmittedSamples } from '../sampler/request.js'
import type { SampleRequest } from '../sampler/sampler.js'
import type { Served } from './shelf.js'

/** Draws samples for a client: as soon as it is gone nothing more is computed for it. */
export async function draws(
  { sampler, name }: Served,
  request: SampleRequest,
  reply: FastifyReply,
): Promise<SubmittedSamples> {
  const controller = new AbortController()
  const gone = () => {
    if (!reply.raw.writableEnded)
      controller.abort(Object.assign(new Error('the client is gone'), { statusCode: 499 }))
  }
  reply.raw.once('close', gone)
  try {
    const samples = await sampler.submit({ ...request, signal: controller.signal }).result
    reply.server.figures?.drawn(name, samples)
    return samples
  } finally {
    reply.raw.off('close', gone)
  }
}
