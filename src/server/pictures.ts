import type { FastifyInstance } from 'fastify'
import { type Channels, decodeBytes, decodeOpacity } from '../data/decode.js'
import { Tensor } from '../tensor/tensor.js'
import type { Served } from './place.js'

/** Of pictures that are sent, before they are brought to the model's size. */
const MOST_PIXELS = 2 ** 24

/** Lets pictures be the bodies of requests. */
export function takePictures(app: FastifyInstance): void {
  const types = ['image/png', 'image/jpeg', 'image/webp']
  app.addContentTypeParser(types, { parseAs: 'buffer' }, (_, body, done) => done(null, body))
}

/** The picture of a body at the model's size. @throws an error of status 400 where it is none, 415 for other bodies */
export async function imageOf(served: Served, body: unknown): Promise<Tensor<'uint8'>> {
  const { channels, height, width } = sidesOf(served)
  const size: [number, number] = [height, width]
  const { planes } = await decoded(decodeBytes('the body', bytesOf(body), channels, size, MOST_PIXELS))
  return Tensor.from<'uint8'>(Uint8Array.from(Buffer.concat(planes)), [1, channels, height, width])
}

/**
 * The picture of a body, and as a mask where it is not wholly opaque.
 * @throws an error of status 400 where it is none, of another size, or wholly opaque or transparent
 */
export async function imageWithHoles(
  served: Served,
  body: unknown,
): Promise<{ image: Tensor<'uint8'>; mask: Tensor<'uint8'> }> {
  const { channels, height, width } = sidesOf(served)
  const bytes = bytesOf(body)
  const { planes, ...size } = await decoded(decodeBytes('the body', bytes, channels, undefined, MOST_PIXELS))
  if (size.width !== width || size.height !== height) {
    throw refused(
      `Expected a picture of the model's ${width} x ${height} pixels but received one of ${size.width} x ${size.height}`,
    )
  }
  const holes = (await decoded(decodeOpacity('the body', bytes, MOST_PIXELS))).map((opacity) =>
    opacity === 255 ? 0 : 255,
  )
  if (holes.every((hole) => hole === holes[0])) {
    const all = holes[0] === 0 ? 'opaque' : 'transparent'
    throw refused(
      `Expected a picture that is transparent where to fill in but received one that is all ${all}`,
    )
  }
  const image = await Tensor.from<'uint8'>(Uint8Array.from(Buffer.concat(planes)), [
    1,
    channels,
    height,
    width,
  ])
  return { image, mask: await Tensor.from<'uint8'>(holes, [1, 1, height, width]) }
}

/** @throws an error of status 400 for models of anything else */
function sidesOf({ name, sampler: { model } }: Served): {
  channels: Channels
  height: number
  width: number
} {
  const [channels, height, width] = model.network.itemShape
  if (height === undefined || width === undefined || (channels !== 1 && channels !== 3))
    throw refused(
      `Expected a model of pictures but received ${name}, of [${model.network.itemShape.join(', ')}]`,
    )
  return { channels, height, width }
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body
  throw refused('Expected a picture as the body, of type image/png, image/jpeg or image/webp', 415)
}

/** What cannot be decoded is the client's fault. */
const decoded = <T>(decoding: Promise<T>): Promise<T> =>
  decoding.catch((error: unknown) => {
    throw Object.assign(error as Error, { statusCode: 400 })
  })

const refused = (message: string, statusCode = 400): Error =>
  Object.assign(new Error(message), { statusCode })
