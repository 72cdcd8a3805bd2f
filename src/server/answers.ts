import type { FastifyReply } from 'fastify'
import type { SubmittedSamples } from '../sampler/request.js'
import { npyBytes } from '../tensor/npy-header.js'
import { draw, drawEach, encoded } from '../tensor/picture.js'
import { Tensor } from '../tensor/tensor.js'
import type { Format } from './fields.js'

const TYPES: Readonly<Record<Format, string>> = {
  png: 'image/png',
  webp: 'image/webp',
  json: 'application/json; charset=utf-8',
  npy: 'application/octet-stream',
}

/** Samples as a body: a picture of all of them, an array, or a picture each as base64. */
export async function answer(
  reply: FastifyReply,
  samples: SubmittedSamples,
  format: Format,
  zoom: number,
): Promise<FastifyReply> {
  reply.type(TYPES[format])
  reply.header('x-evaluations', [...samples.evaluations].join())
  if (format === 'npy') {
    return reply.send(npyBytes('float32', samples.shape, samples.values))
  }
  if (format === 'json') {
    return reply.send(JSON.stringify(await jsonOf(samples, zoom)))
  }
  using tensor = await Tensor.from<'float32'>(samples.values, samples.shape)
  const gap = samples.shape[0] === 1 ? 0 : Math.ceil(zoom / 2)
  return reply.send(await encoded(await draw(tensor, { zoom, gap }), format))
}

/** Samples as JSON, a picture each in base64. */
export async function jsonOf(samples: SubmittedSamples, zoom: number): Promise<object> {
  const images = await pngsOf(samples, zoom)
  return {
    shape: samples.shape,
    evaluations: [...samples.evaluations],
    status: samples.status,
    milliseconds: samples.milliseconds,
    images: images.map((png) => png.toString('base64')),
  }
}

/** A picture of each sample. */
export async function pngsOf(
  samples: Pick<SubmittedSamples, 'values' | 'shape'>,
  zoom: number,
): Promise<Buffer[]> {
  using tensor = await Tensor.from<'float32'>(samples.values, samples.shape)
  if (zoom === 1) return Promise.all((await drawEach(tensor)).map((picture) => encoded(picture, 'png')))
  const pictures: Buffer[] = []
  for (let i = 0; i < samples.shape[0]!; i++) {
    using one = await tensor.slice(i, 1)
    pictures.push(await encoded(await draw(one, { zoom, gap: 0 }), 'png'))
  }
  return pictures
}

/** What a request wants, by what it says or what its client accepts. */
export function formatOf(given: Format | undefined, accept: string | undefined): Format {
  if (given !== undefined) return given
  const types = (accept ?? '').split(',').map((type) => type.split(';')[0]!.trim())
  const wanted = (['png', 'webp', 'json'] as const).find((format) =>
    types.includes(TYPES[format].split(';')[0]!),
  )
  return wanted ?? 'png'
}
