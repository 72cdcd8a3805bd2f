import type { FastifyInstance } from 'fastify'
import fastify from 'fastify'
import OpenAI from 'openai'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PoissonFlow } from '../../src/poisson-flow.js'
import pfgmTorch from '../../src/server/plugin.js'
import { createService } from '../../src/server/serve.js'
import { Tensor } from '../../src/tensor/tensor.js'

const QUICK = 'solver=euler&steps=4'
let app: FastifyInstance
let url: string

beforeAll(async () => {
  app = await createService({
    models: { digits: 'digits' },
    tokens: [],
    limits: { evaluations: 100, pixels: 2 ** 20 },
    logLevel: 'silent',
    maxRows: 16,
    queueLimit: 40,
  })
  url = await app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => app.close())

const get = (path: string, headers: Record<string, string> = {}) => app.inject({ url: path, headers })

async function pixelsOf(picture: Buffer): Promise<number[]> {
  return [...(await sharp(picture).raw().toBuffer())]
}

describe('samples by URL', () => {
  it('are those of the seed, in every format', async () => {
    const path = `/v1/samples?seed=5&count=2&label=3&${QUICK}`
    using model = await PoissonFlow.load('digits')
    const { images } = await model.sample({ seed: 5, count: 2, labels: 3, solver: 'euler', steps: 4 })
    using drawn = images
    const npy = await get(`${path}&format=npy`)
    const values = await drawn.data()
    const body = npy.rawPayload.subarray(-values.byteLength)
    expect(Buffer.from(body)).toEqual(Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    const png = await get(path, { accept: 'image/png' })
    expect(png.headers['content-type']).toBe('image/png')
    const webp = await get(`${path}&format=webp`)
    expect(await pixelsOf(webp.rawPayload)).toEqual(await pixelsOf(png.rawPayload))
    const json = (await get(path, { accept: 'application/json' })).json()
    expect(json).toMatchObject({ shape: [2, 1, 8, 8], evaluations: [4, 4], status: ['done', 'done'] })
    const first = await sharp(Buffer.from(json.images[0], 'base64')).metadata()
    expect(first).toMatchObject({ width: 8, height: 8, channels: 1 })
    using whole = await Tensor.from<'float32'>(values.slice(0, 64), [1, 1, 8, 8])
    expect(whole.shape).toEqual([1, 1, 8, 8])
  })

  it('have a tag that changes with what they depend on, and are not drawn again for it', async () => {
    const path = `/v1/samples?seed=1&${QUICK}`
    const first = await get(path)
    const tag = String(first.headers.etag)
    expect(first.headers['cache-control']).toBe('no-cache')
    expect((await get(path, { 'if-none-match': tag })).statusCode).toBe(304)
    const others = ['seed=2', 'seed=1&zoom=2', 'seed=1&label=1', 'seed=1&format=webp']
    const tags = await Promise.all(
      others.map(async (each) => (await get(`/v1/samples?${each}&${QUICK}`)).headers.etag),
    )
    expect(new Set([tag, ...tags]).size).toBe(5)
  })

  it('of a fingerprint may be kept for ever', async () => {
    const { data } = (await get('/v1/models')).json()
    expect(data).toMatchObject([{ id: 'digits', shape: [1, 8, 8], classes: 10 }])
    const kept = await get(`${data[0].samples}?seed=1&${QUICK}`)
    expect(kept.headers['cache-control']).toContain('immutable')
    expect(kept.rawPayload).toEqual((await get(`/v1/samples?seed=1&${QUICK}`)).rawPayload)
    expect((await get('/v1/models/0123/samples')).statusCode).toBe(404)
    for (const [name, status] of [
      ['0'.repeat(101), 414],
      ['%', 400],
    ] as const) {
      const answer = await get(`/v1/models/${name}/samples`)
      expect(answer.statusCode).toBe(status)
      expect(answer.json().error).toMatchObject({
        message: expect.any(String),
        type: 'invalid_request_error',
      })
    }
  })

  it.each([
    ['seed=-1', 400, 'Expected seed to be at least 0 but received -1'],
    ['count=65', 400, 'Expected count to be at most 64'],
    ['count=60', 400, 'Expected count to be an integer from 1 to 56'],
    ['steps=101&solver=euler', 400, 'Expected steps to be at most 100'],
    ['solver=magic', 400, 'Expected solver to be one of rk45'],
    ['modle=digits', 400, 'Expected no modle in the query'],
    ['model=other', 404, 'Expected model to be one of digits but received "other"'],
    ['label=10', 400, 'Expected labels'],
    ['label=cat', 400, 'Expected labels'],
    ['solver=heun&steps=4', 200, ''],
    ['solver=heun&order=2&steps=4', 400, 'Expected no order for the solver heun'],
    ['zoom=64&count=20', 400, 'Expected a picture of at most'],
    ['solver=euler-maruyama', 400, 'Expected'],
  ])('%s: %i %s', async (query, status, words) => {
    const response = await get(`/v1/samples?${query}`)
    expect(response.statusCode).toBe(status)
    if (status !== 200) expect(response.json().error.message).toContain(words)
  })

  it('are refused where too many wait, and asked for again later', async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, i) => get(`/v1/samples?count=10&seed=${i}&solver=euler&steps=30`)),
    )
    const statuses = all.map(({ statusCode }) => statusCode)
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    const refused = all.find(({ statusCode }) => statusCode === 429)!
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(refused.json().error).toMatchObject({ type: 'rate_limit_error', code: 'ERR_PFGM_OVERLOADED' })
    expect((await get(`/v1/samples?${QUICK}`)).statusCode).toBe(200)
  })
})

it('a client that goes away makes room for others', async () => {
  const controller = new AbortController()
  const long = fetch(`${url}/v1/samples?count=16&solver=rk45&rtol=0.000001&atol=0.000001`, {
    signal: controller.signal,
  })
  const figures = async () => (await get('/metrics')).body
  await expect.poll(figures, { timeout: 10_000 }).toMatch(/pfgm_rows\{model="digits"\} 16/)
  controller.abort()
  await expect(long).rejects.toThrow()
  await expect.poll(figures, { timeout: 10_000 }).toContain('pfgm_requests_abandoned{route="/v1/samples"} 1')
  const began = performance.now()
  expect((await fetch(`${url}/v1/samples?count=16&${QUICK}`)).status).toBe(200)
  expect(performance.now() - began).toBeLessThan(5000)
})

describe('paths', () => {
  const post = (path: string, payload: Buffer, type = 'image/png') =>
    app.inject({ method: 'POST', url: path, payload, headers: { 'content-type': type } })

  it('of a picture: its encoding and its likelihood, as the library has them', async () => {
    const picture = (await get('/v1/samples?seed=3&label=7')).rawPayload
    using model = await PoissonFlow.load('digits')
    const grey = await sharp(picture).extractChannel(0).raw().toBuffer()
    using image = await Tensor.from<'uint8'>(Uint8Array.from(grey), [1, 1, 8, 8])
    const tolerance = { rtol: 0.01, atol: 0.01 }
    const { encodings } = await model.encode(image, tolerance)
    using expected = encodings
    const values = await expected.data()
    const encoded = (await post('/v1/encode?rtol=0.01', picture)).rawPayload.subarray(-values.byteLength)
    expect(Buffer.from(encoded)).toEqual(Buffer.from(values.buffer, values.byteOffset, values.byteLength))
    const { bitsPerDimension } = await model.logLikelihood(image, { labels: 7, ...tolerance })
    expect((await post('/v1/likelihood?label=7&rtol=0.01', picture)).json()).toMatchObject({
      bitsPerDimension: bitsPerDimension[0],
    })
  })

  it('between two samples', async () => {
    const strip = await get('/v1/interpolate?from=3&to=8&steps=5&zoom=2')
    expect(strip.statusCode, strip.body).toBe(200)
    expect(await sharp(strip.rawPayload).metadata()).toMatchObject({
      format: 'png',
      width: 5 * 16 + 6,
      height: 18,
    })
  })

  it.each([
    ['image/png', Buffer.from('no picture'), 400],
    ['image/gif', Buffer.from('GIF89a'), 415],
    ['application/json', Buffer.from('{}'), 415],
    ['image/png', Buffer.alloc(2 ** 21), 413],
  ])('%s that is no picture: %#', async (type, payload, status) => {
    expect((await post('/v1/encode', payload, type)).statusCode).toBe(status)
  })
})

describe('events', () => {
  it('show samples while they form, and then what they came to', async () => {
    const query = 'seed=4&count=2&solver=heun&steps=50'
    const { headers, body } = await get(`/v1/samples/events?${query}`)
    expect(headers['content-type']).toBe('text/event-stream')
    const events = body
      .trim()
      .split('\n\n')
      .map((each) => {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(each)!
        return { name, data: JSON.parse(data!) }
      })
    const previews = events.filter(({ name }) => name === 'preview').map(({ data }) => data)
    expect(previews.length).toBeGreaterThan(1)
    expect(await sharp(Buffer.from(previews[0].image, 'base64')).metadata()).toMatchObject({ width: 8 })
    expect(previews.every(({ height }) => height > 0)).toBe(true)
    const [last] = events.slice(-1)
    const { images } = (await get(`/v1/samples?${query}&format=json`)).json()
    expect(last).toMatchObject({ name: 'done', data: { images } })
  })

  it('say what went wrong', async () => {
    expect((await get('/v1/samples/events?count=900')).statusCode).toBe(400)
    expect((await get('/v1/samples/events?label=99')).json().error.message).toContain('Expected labels')
  })
})

describe("a client of OpenAI's", () => {
  it.each([
    ['{"atol":true}', 'Expected atol to be a number but received true'],
    ['{"n":"2"}', 'Expected n to be a number but received "2"'],
    ['{"prompt":7}', 'Expected prompt to be a string but received 7'],
    ['{"n":1.5}', 'Expected n to be integer'],
    ['[1]', 'Expected'],
    ['7', 'Expected'],
    ['{"toString":1,"n":0}', 'Expected n to be at least 1'],
  ])('%s is refused', async (payload, words) => {
    const headers = { 'content-type': 'application/json' }
    const { statusCode, json } = await app.inject({
      method: 'POST',
      url: '/v1/images/generations',
      payload,
      headers,
    })
    expect(statusCode).toBe(400)
    expect(json().error.message).toContain(words)
  })

  it('asks for pictures of a class', async () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' })
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['digits'])
    const ask = { model: 'digits', prompt: '7', n: 2, size: '64x64', seed: 3, solver: 'euler', steps: 4 }
    const { data } = await client.images.generate(ask as never)
    const pictures = data!.map(({ b64_json }) => Buffer.from(b64_json!, 'base64'))
    expect(await sharp(pictures[0]).metadata()).toMatchObject({ width: 64, height: 64 })
    const same = await fetch(`${url}/v1/samples?seed=3&label=7&zoom=8&${QUICK}`)
    expect(await pixelsOf(Buffer.from(await same.arrayBuffer()))).toEqual(await pixelsOf(pictures[0]!))
    await expect(client.images.generate({ ...ask, size: '100x100' } as never)).rejects.toThrow(
      'Expected size to be auto or a multiple of 8x8',
    )
  })
})

it('says how it is, what it measured and what it answers', async () => {
  expect((await get('/healthz')).json()).toEqual({ status: 'ok' })
  expect((await get('/readyz')).statusCode).toBe(200)
  const { body } = await get('/metrics')
  expect(body).toMatch(/pfgm_request_seconds_count\{route="\/v1\/samples",status="200"\} \d+/)
  expect(body).toMatch(/pfgm_network_rows\{model="digits"\} [1-9]/)
  const api = (await get('/openapi.json')).json()
  expect(api.openapi).toBe('3.1.0')
  expect(Object.keys(api.paths).sort()).toEqual([
    '/v1/encode',
    '/v1/fill',
    '/v1/images/generations',
    '/v1/interpolate',
    '/v1/likelihood',
    '/v1/models',
    '/v1/models/{fingerprint}/samples',
    '/v1/samples',
    '/v1/samples/events',
  ])
  expect((await get('/../../etc/passwd')).statusCode).toBe(404)
  const wrong = await app.inject({ method: 'DELETE', url: '/v1/models/0123/samples' })
  expect(wrong.statusCode).toBe(405)
  expect(wrong.headers.allow).toBe('GET, HEAD')
  const other = {
    method: 'POST',
    url: '/v1/nothing',
    payload: 'x',
    headers: { 'content-type': 'a/b' },
  } as const
  expect((await app.inject(other)).statusCode).toBe(404)
  expect((await get('/v1/samples')).headers).toMatchObject({ 'x-content-type-options': 'nosniff' })
})

it('with a token asks for it, but for health and figures', async () => {
  using model = await PoissonFlow.load('digits')
  const guarded = await createService({
    models: { digits: model },
    tokens: ['secret'],
    limits: {},
    logLevel: 'silent',
  })
  const ask = (headers: Record<string, string>, path = `/v1/samples?${QUICK}`) =>
    guarded.inject({ url: path, headers })
  expect((await ask({})).statusCode).toBe(401)
  expect((await ask({ authorization: 'Bearer secres' })).statusCode).toBe(401)
  expect((await ask({ authorization: 'Bearer secret' })).statusCode).toBe(200)
  expect((await ask({}, '/healthz')).statusCode).toBe(200)
  await guarded.close()
})

it('is a plugin for an app of one’s own', async () => {
  using model = await PoissonFlow.load('digits')
  const own = fastify()
  await own.register(pfgmTorch, { prefix: '/pictures', models: { digits: model }, limits: { count: 1 } })
  expect((await own.inject(`/pictures/v1/samples?${QUICK}`)).statusCode).toBe(200)
  expect((await own.inject(`/pictures/v1/samples?count=2&${QUICK}`)).statusCode).toBe(400)
  await own.close()
})
