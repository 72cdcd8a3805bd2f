import type { FastifyInstance } from 'fastify'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { createService } from '../../src/server/serve.js'
import { Tensor } from '../../src/tensor/tensor.js'

const QUICK = 'solver=euler&steps=4'
let app: FastifyInstance
/** A sample whose right half is transparent. */
let torn: { readonly grey: Uint8Array; readonly png: Buffer }

beforeAll(async () => {
  app = await createService({ models: { digits: 'digits' }, tokens: [], limits: {}, logLevel: 'silent' })
  const { rawPayload } = await app.inject('/v1/samples?seed=3&label=7')
  const grey = Uint8Array.from(await sharp(rawPayload).extractChannel(0).raw().toBuffer())
  torn = {
    grey,
    png: await withOpacity(grey, (i) => (i % 8 < 4 ? 255 : 0))
      .png()
      .toBuffer(),
  }
})
afterAll(() => app.close())

function withOpacity(grey: Uint8Array, opacity: (i: number) => number) {
  const pixels = Uint8Array.from({ length: 2 * 64 }, (_, i) => (i % 2 ? opacity(i >> 1) : grey[i >> 1]!))
  return sharp(pixels, { raw: { width: 8, height: 8, channels: 2 } }).toColourspace('b-w')
}

const fill = (query: string, payload: Buffer, type = 'image/png') =>
  app.inject({ method: 'POST', url: `/v1/fill?${query}`, payload, headers: { 'content-type': type } })

describe('a picture with holes', () => {
  it('is filled in as the library does it, beside whatever else is drawn', async () => {
    using model = await PoissonFlow.load('digits')
    using image = await Tensor.from<'uint8'>(torn.grey, [1, 1, 8, 8])
    using mask = await Tensor.from<'uint8'>(
      Uint8Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 255)),
      [1, 1, 8, 8],
    )
    const cases = [
      ['seed=5&count=3&label=7', { seed: 5, count: 3, labels: 7 }],
      [`seed=9&${QUICK}`, { seed: 9, solver: 'euler', steps: 4 }],
      ['seed=9&solver=rk45&rtol=0.01&atol=0.01', { seed: 9, solver: 'rk45', rtol: 0.01, atol: 0.01 }],
    ] as const
    const [, ...answers] = await Promise.all([
      app.inject('/v1/samples?seed=9&count=4'),
      ...cases.map(([query]) => fill(`${query}&format=npy`, torn.png)),
    ])
    for (const [i, [, options]] of cases.entries()) {
      const { images } = await model.fill(image, mask, options)
      using drawn = images
      const values = await drawn.data()
      const { rawPayload, statusCode } = answers[i]!
      expect(statusCode).toBe(200)
      const body = rawPayload.subarray(-values.byteLength)
      expect(Buffer.from(body)).toEqual(Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    }
  })

  it('keeps its other pixels, in every format', async () => {
    const webp = await withOpacity(torn.grey, (i) => (i % 8 < 4 ? 255 : 254))
      .webp({ lossless: true })
      .toBuffer()
    for (const [payload, type] of [
      [torn.png, 'image/png'],
      [webp, 'image/webp'],
    ] as const) {
      const { rawPayload } = await fill(`label=7&${QUICK}&format=png`, payload, type)
      const pixels = await sharp(rawPayload).extractChannel(0).raw().toBuffer()
      for (let i = 0; i < 64; i++) if (i % 8 < 4) expect(pixels[i]).toBe(torn.grey[i])
    }
    const json = (await fill(`count=2&zoom=2&${QUICK}&format=json`, torn.png)).json()
    expect(json).toMatchObject({ shape: [2, 1, 8, 8], status: ['done', 'done'] })
  })

  it('is refused where there is nothing to fill in, or of another size', async () => {
    const whole = await withOpacity(torn.grey, () => 255)
      .png()
      .toBuffer()
    const empty = await withOpacity(torn.grey, () => 0)
      .png()
      .toBuffer()
    const large = await sharp(torn.png).resize(16, 8).png().toBuffer()
    const jpeg = await sharp(whole).jpeg().toBuffer()
    const cases = [
      [whole, 400, 'but received one that is all opaque'],
      [empty, 400, 'but received one that is all transparent'],
      [large, 400, "Expected a picture of the model's 8 x 8 pixels but received one of 16 x 8"],
      [torn.png.subarray(0, 60), 400, 'the body: expected an image but received'],
      [Buffer.from('no picture'), 400, 'the body: expected an image but received'],
    ] as const
    for (const [payload, status, words] of cases) {
      const { statusCode, json } = await fill(QUICK, payload)
      expect(json().error.message).toContain(words)
      expect(json().error.message).not.toContain('\n')
      expect(statusCode).toBe(status)
    }
    expect((await fill(QUICK, jpeg, 'image/jpeg')).json().error.message).toContain('all opaque')
    expect((await fill(QUICK, Buffer.from('{}'), 'application/json')).statusCode).toBe(415)
    expect((await fill('count=65', torn.png)).statusCode).toBe(400)
    expect((await fill(`model=other&${QUICK}`, torn.png)).statusCode).toBe(404)
  })
})
