import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RunFolder } from '../../src/checkpoint/run-folder.js'
import { isClaimed, lockRun } from '../../src/checkpoint/run-lock.js'
import { datasets } from '../../src/data/index.js'
import type { FieldAnswer, LogPart, RunSummary } from '../../src/watch/answers.js'
import { News } from '../../src/watch/news.js'
import { Runs } from '../../src/watch/runs.js'
import { createRunsPage } from '../../src/watch/serve.js'
import { eventsOf, SMALL } from '../train/runs.js'

const home = mkdtempSync(join(tmpdir(), 'pfgm-watch-'))
const moons = join(home, 'moons')
const other = join(home, 'an other, in ünusual letters/%2e')
let app: FastifyInstance

/** A page of places, whose runs it looks for whenever it is asked. */
function pageOf(...places: string[]): Promise<FastifyInstance> {
  const runs = new Runs(places)
  return createRunsPage({ runs, news: new News(runs) })
}

beforeAll(async () => {
  const data = await datasets.toy('two-moons', { count: 300 })
  const training = { ...SMALL, steps: 20, checkpointEvery: 10, evaluateEvery: 10 }
  await eventsOf({ ...training, validation: 0.2, evaluationCount: 50, data, out: moons })
  // As one that it drew on the way, which takes longer than all the rest.
  cpSync(join(moons, 'samples.png'), new RunFolder(moons).picture(10))
  app = await pageOf(home)
})
afterAll(async () => {
  await app.close()
  rmSync(home, { recursive: true })
})

const get = (path: string, headers: Record<string, string> = {}) => app.inject({ url: path, headers })
const listed = async (page = app) => (await page.inject('/v1/runs')).json().data as RunSummary[]

describe('a page of runs', () => {
  it('has what a run is', async () => {
    expect(await listed()).toEqual([
      {
        name: 'moons',
        id: expect.any(String),
        state: 'ended',
        data: 'two-moons',
        flow: 'pfgm',
        steps: 20,
        shape: [2],
        step: 20,
        logBytes: readFileSync(join(moons, 'log.jsonl')).length,
        pictures: [10],
        finalPicture: expect.any(Number),
        checkpoint: 20,
      },
    ])
    const { body, headers } = await get('/')
    expect(body).toContain('training.js')
    expect(headers['content-security-policy']).toContain("script-src 'self'")
  })

  it('has its log, from any place on', async () => {
    const log = (await get('/v1/runs/moons/log')).json() as LogPart
    expect(log.points.find(({ values }) => 'loss' in values)).toMatchObject({ step: 10 })
    expect(log.points.at(-1)).toMatchObject({ step: 20, values: { energyDistance: expect.any(Number) } })
    const rest = (await get(`/v1/runs/moons/log?from=${log.next}`)).json()
    expect(rest).toEqual({ id: log.id, from: log.next, next: log.next, points: [] })
    const wrong = await get('/v1/runs/moons/log?from=-1')
    expect(wrong.statusCode).toBe(400)
    expect(wrong.json().error.message).toBe('Expected from to be at least 0 but received -1')
  })

  it('has its pictures and settings', async () => {
    for (const [step, file] of [
      ['10', 'samples/step-0000010.png'],
      ['final', 'samples.png'],
    ]) {
      const picture = await get(`/v1/runs/moons/pictures/${step}`)
      expect(picture.headers['content-type']).toBe('image/png')
      expect(picture.rawPayload).toEqual(readFileSync(join(moons, file!)))
      expect((await sharp(picture.rawPayload).metadata()).width).toBeGreaterThan(100)
      const again = await get(`/v1/runs/moons/pictures/${step}`, {
        'if-none-match': String(picture.headers.etag),
      })
      expect(again.statusCode).toBe(304)
    }
    const config = JSON.parse(readFileSync(join(moons, 'config.json'), 'utf8'))
    expect((await get('/v1/runs/moons/config')).json()).toEqual(config)
  })

  it('has the field of its newest checkpoint, computed once', async () => {
    const [first, second] = await Promise.all([get('/v1/runs/moons/field'), get('/v1/runs/moons/field')])
    const field = first.json() as FieldAnswer
    expect(second.json()).toEqual(field)
    expect(field).toMatchObject({ step: 20, heightName: 'z' })
    for (const path of field.paths) expect(path).toHaveLength(2 * field.heights.length)
    expect(field.heights).toEqual([...field.heights].sort((a, b) => b - a))
    for (const { side, ways } of field.levels) expect(ways).toHaveLength(2 * side ** 2)
    expect(field.data.length).toBeGreaterThan(0)
    const began = performance.now()
    await get('/v1/runs/moons/field')
    expect(performance.now() - began).toBeLessThan(200)
  })

  it.each([
    '/v1/runs/nobody/log',
    '/v1/runs/..%2fmoons/config',
    `/v1/runs/${encodeURIComponent(moons)}/log`,
    '/v1/runs/moons/pictures/11',
    '/v1/runs/moons/pictures/..%2f..%2fconfig.json',
    '/v1/runs/moons/pictures/0000010',
    '/page/..%2ftraining.js',
    '/config.json',
  ])('has no %s', async (path) => {
    const { statusCode, json } = await get(path)
    expect(statusCode).toBe(404)
    expect(json().error.message).toMatch(/^(There is no|Expected the name of a run|The run has no)/)
  })

  it('answers browsers that know it as this machine alone', async () => {
    expect((await get('/v1/runs', { host: 'localhost:8001' })).statusCode).toBe(200)
    expect((await get('/v1/runs', { host: '[::1]:8001' })).statusCode).toBe(200)
    const stranger = await get('/v1/runs', { host: 'stranger.example' })
    expect(stranger.statusCode).toBe(403)
    expect(stranger.json().error.message).toContain('stranger.example')
  })
})

describe('runs', () => {
  const names = async (...places: string[]) => {
    const page = await pageOf(...places)
    const found = await listed(page)
    await page.close()
    return found.map(({ name }) => name)
  }

  it('have the names that folders give them', async () => {
    mkdirSync(join(other, '..'), { recursive: true })
    cpSync(moons, other, { recursive: true })
    expect(await names(moons)).toEqual(['moons'])
    expect(await names(home, join(other, '..'))).toEqual([moons, other])
    expect(await names(join(home, 'nowhere'), moons)).toEqual([moons])
    const page = await pageOf(home, join(other, '..'))
    expect(
      (await page.inject(`/v1/runs/${encodeURIComponent(other)}/log`)).json().points.length,
    ).toBeGreaterThan(1)
    await page.close()
  })

  it('appear, grow, vanish, and are others where a folder is another', async () => {
    const place = mkdtempSync(join(tmpdir(), 'pfgm-watch-'))
    const run = join(place, 'run')
    const runs = new Runs([place])
    const found = async () => {
      runs.forget()
      return (await runs.all()).map(({ summary }) => summary)
    }
    expect(await found()).toEqual([])
    mkdirSync(run)
    writeFileSync(join(place, 'a file'), '')
    expect(await found()).toEqual([])
    writeFileSync(join(run, 'config.json'), '{"training": {"steps')
    expect(await found()).toEqual([])
    cpSync(join(moons, 'config.json'), join(run, 'config.json'))
    const [first] = await found()
    expect(first).toMatchObject({ name: 'run', state: 'stopped', step: 0, logBytes: 0, pictures: [] })
    appendFileSync(join(run, 'log.jsonl'), '{"type":"step","step":10,"loss":1,"secondsLeft":3}\n{"type":"st')
    {
      using _lock = lockRun(run)
      expect(await found()).toMatchObject([{ state: 'training', step: 10, secondsLeft: 3 }])
    }
    expect(await found()).toMatchObject([{ state: 'stopped', step: 10 }])
    rmSync(run, { recursive: true })
    expect(await found()).toEqual([])
    cpSync(moons, join(place, 'new'), { recursive: true })
    renameSync(join(place, 'new'), run)
    const [second] = await found()
    expect(second).toMatchObject({ name: 'run', state: 'ended' })
    expect(second!.id).not.toBe(first!.id)
    rmSync(place, { recursive: true })
  })

  it('are looked for once a second at most', async () => {
    const runs = new Runs([home])
    const first = runs.all()
    expect(runs.all()).toBe(first)
    await first
    await sleep(1050)
    expect(runs.all()).not.toBe(first)
  })

  it('of settings that are not understood are shown all the same', async () => {
    const odd = join(home, 'odd')
    mkdirSync(odd)
    writeFileSync(join(odd, 'config.json'), '{"training": 5, "shape": "large", "flow": []}')
    const page = await pageOf(odd)
    expect(await listed(page)).toMatchObject([{ name: 'odd', steps: 0, shape: [], flow: 'pfgm' }])
    const field = await page.inject('/v1/runs/odd/field')
    expect(field.statusCode).toBe(409)
    expect(field.json().error.message).toContain('points in the plane')
    await page.close()
    rmSync(odd, { recursive: true })
  })
})

describe('news', () => {
  /** The names of events, and how many runs each tells of. */
  async function told(news: News, count: number): Promise<string[]> {
    const seen: string[] = []
    for await (const event of news.events(new AbortController().signal)) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)\n\n$/.exec(event)!
      seen.push(name === 'runs' ? `runs ${JSON.parse(data!).length}` : name!)
      if (seen.length === count) break
    }
    return seen
  }

  it('come when there are any, and end', async () => {
    const place = mkdtempSync(join(tmpdir(), 'pfgm-watch-'))
    const news = new News(new Runs([place]))
    const all = told(news, 4)
    await sleep(100)
    cpSync(moons, join(place, 'run'), { recursive: true })
    await sleep(1500)
    rmSync(new RunFolder(join(place, 'run')).path, { recursive: true })
    await news.end()
    expect(await all).toEqual(['runs 0', 'runs 1', 'runs 0', 'end'])
    rmSync(place, { recursive: true })
  })

  it('end at once where nobody looks', async () => {
    const began = performance.now()
    await new News(new Runs([home])).end()
    expect(performance.now() - began).toBeLessThan(100)
  })
})

describe('a claim', () => {
  it('is told by who made it, and of others by a sign of life', () => {
    const run = mkdtempSync(join(tmpdir(), 'pfgm-watch-'))
    const file = join(run, '.lock')
    const claim = (holder: object) => writeFileSync(file, JSON.stringify(holder))
    expect(isClaimed(run)).toBe(false)
    {
      using _lock = lockRun(run)
      expect(isClaimed(run)).toBe(true)
      // Its process was killed, and left the file.
      cpSync(file, `${file}-left`)
    }
    const holder = JSON.parse(readFileSync(`${file}-left`, 'utf8'))
    claim({ ...holder, pid: 2 ** 22 + 1 })
    expect(isClaimed(run)).toBe(false)
    claim({ ...holder, processes: 'of another machine' })
    expect(isClaimed(run, Date.now())).toBe(true)
    rmSync(run, { recursive: true })
  })
})
