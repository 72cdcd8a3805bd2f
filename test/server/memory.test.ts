import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { createService } from '../../src/server/serve.js'

/** Of the weights of digits. */
const BYTES = 2_997_384
const FILE = fileURLToPath(new URL('../../models/digits.safetensors', import.meta.url))
const QUICK = 'solver=euler&steps=4&format=npy'

let folder: string
let app: FastifyInstance
let model: PoissonFlow

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pfgm-memory-'))
  const [a, b, c] = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      const file = join(folder, `${name}.safetensors`)
      await copyFile(FILE, file)
      return file
    }),
  )
  model = await PoissonFlow.load('digits')
  app = await serving({ a: a!, b: b!, c: c! }, 2.5 * BYTES)
})
afterAll(async () => {
  await app.close()
  model.dispose()
  await rm(folder, { recursive: true })
})

const serving = (models: Record<string, string | PoissonFlow>, memory: number) =>
  createService({ models, memory, tokens: [], limits: {}, logLevel: 'silent' })

const ask = (name: string, seed: number, how = QUICK) =>
  app.inject(`/v1/samples?model=${name}&seed=${seed}&${how}`)

const models = async () => (await app.inject('/v1/models')).json().data as { id: string; loaded: boolean }[]
const loaded = async () => (await models()).flatMap((each) => (each.loaded ? [each.id] : [])).join()

async function figure(line: string): Promise<number> {
  const { body } = await app.inject('/metrics')
  return Number(
    body
      .split('\n')
      .find((each) => each.startsWith(`${line} `))!
      .slice(line.length),
  )
}

/** What a seed gives, as the end of an array. */
async function expected(seed: number): Promise<Buffer> {
  const { images } = await model.sample({ seed, count: 1, solver: 'euler', steps: 4 })
  using drawn = images
  return Buffer.from((await drawn.data()).buffer)
}

describe('three models in the memory of two', () => {
  it('are loaded as they are asked for: which was used longest ago goes', async () => {
    expect(await loaded()).toBe('a,b')
    expect((await ask('a', 1)).statusCode).toBe(200)
    expect((await ask('c', 1)).statusCode).toBe(200)
    expect(await loaded()).toBe('a,c')
    expect(await figure('pfgm_models_loaded')).toBe(2)
    expect(await figure('pfgm_model_bytes{model="b"}')).toBe(0)
    expect(await figure('pfgm_model_bytes{model="c"}')).toBe(BYTES)
    expect(await figure('pfgm_network_calls{model="a"}')).toBe(4)
    expect((await ask('b', 1)).statusCode).toBe(200)
    expect(await loaded()).toBe('b,c')
    expect(await figure('pfgm_network_calls{model="a"}')).toBe(4)
  })

  it('give every request its bits, while others are unloaded', async () => {
    const before = await figure('pfgm_model_loads{model="a"}')
    const long = ['b', 'c'].map((name) => ask(name, 7, 'count=2&solver=heun&steps=60&format=npy'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const seeds = [1, 2, 3, 4, 5, 6]
    const answers = await Promise.all(seeds.map((seed) => ask('a', seed)))
    for (const [i, seed] of seeds.entries()) {
      const bits = await expected(seed)
      expect(answers[i]!.rawPayload.subarray(-bits.length).equals(bits)).toBe(true)
    }
    expect(await figure('pfgm_model_loads{model="a"}')).toBe(before + 1)
    expect((await Promise.all(long)).map(({ statusCode }) => statusCode)).toEqual([200, 200])
  })

  it('come and go under many requests, and never more than fit', async () => {
    let most = 0
    const watch = setInterval(async () => {
      const all = (await models()).filter((each) => each.loaded)
      most = Math.max(most, all.length)
    }, 5)
    const names = Array.from({ length: 60 }, (_, i) => 'abc'[(i * 7) % 3]!)
    const answers = await Promise.all(names.map((name, seed) => ask(name, seed % 5)))
    clearInterval(watch)
    expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true)
    expect(most).toBe(2)
    for (let seed = 0; seed < 5; seed++) {
      const bits = await expected(seed)
      for (let i = seed; i < answers.length; i += 5)
        expect(answers[i]!.rawPayload.subarray(-bits.length).equals(bits)).toBe(true)
    }
  })

  it('are found by their fingerprints, loaded or not', async () => {
    const other = await serving({ digits: 'digits', fashion: 'fashion' }, 9_000_000)
    const [digits, fashion] = (await other.inject('/v1/models')).json().data
    expect([digits.loaded, fashion.loaded]).toEqual([true, false])
    for (const { samples, shape } of [fashion, digits]) {
      const { payload } = await other.inject(`${samples}?solver=euler&steps=1&format=json`)
      expect(JSON.parse(payload).shape).toEqual([1, ...shape])
    }
    await other.close()
  })
})

it('a model whose file is gone is one request’s error, and none of the others', async () => {
  const file = join(folder, 'gone.safetensors')
  await copyFile(FILE, file)
  const other = await serving({ a: 'digits', gone: file }, 1.5 * BYTES)
  const get = (name: string) => other.inject(`/v1/samples?model=${name}&${QUICK}`)
  await rm(file)
  expect((await get('gone')).statusCode).toBe(500)
  expect((await get('a')).statusCode).toBe(200)
  await copyFile(FILE, file)
  expect((await get('gone')).statusCode).toBe(200)
  await other.close()
})

it('one that is given loaded stays loaded, and does not count', async () => {
  const other = await serving({ mine: model, a: 'digits' }, 1.5 * BYTES)
  const { data } = (await other.inject('/v1/models')).json()
  expect(data).toMatchObject([{ loaded: true }, { loaded: true }])
  await other.close()
  expect((await expected(1)).length).toBe(256)
})

it('memory for none is refused', async () => {
  await expect(serving({ a: 'digits' }, 1e6)).rejects.toThrow(
    'Expected memory for the largest model but received 1000000 bytes: the weights of a are 2997384',
  )
  await expect(serving({ a: 'digits' }, 0)).rejects.toThrow('Expected memory to be')
})
