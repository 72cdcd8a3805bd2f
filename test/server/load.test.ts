// A service in a process of its own under many clients, some of whom go away, send what is wrong or are slow.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Running, sharedFolder, start } from '../cli/cli.js'
import { runs } from '../long.js'

const REQUESTS = runs(300, Number(process.env.PFGM_LOAD ?? 30_000))
const CLIENTS = 64
const folder = sharedFolder()

let serving: Running
let url: URL
const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })

beforeAll(async () => {
  serving = start(folder, 'serve', 'digits', '--port', '0', '--log-level', 'silent', '--json')
  let said = ''
  serving.process.stdout!.on('data', (chunk) => {
    said += chunk
  })
  await serving.line(/listening/)
  url = new URL(JSON.parse(said).url)
})
afterAll(async () => {
  agent.destroy()
  serving.process.kill('SIGTERM')
  expect((await serving.ended).code).toBe(0)
})

interface Answer {
  readonly status: number
  readonly body: Buffer
}

interface Asked {
  readonly body?: Buffer
  readonly type?: string
  readonly signal?: AbortSignal
  /** Milliseconds before the answer is read. */
  readonly slow?: number
}

function ask(path: string, { body, type = 'image/png', signal, slow = 0 }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': type, 'content-length': body.length } : {}
    const options = { agent, method: body ? 'POST' : 'GET', headers, ...(signal && { signal }) }
    const sent = httpRequest(new URL(path, url), options, (response) => {
      read(response, slow).then(resolve, reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function read(response: IncomingMessage, slow: number): Promise<Answer> {
  if (slow > 0) await sleep(slow)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode!, body: Buffer.concat(chunks) }
}

/** Bytes that are no HTTP, answered with 400 or the end of the connection. */
function sendRaw(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(url.port), url.hostname, () => socket.end(bytes))
    socket.resume()
    socket.on('error', () => resolve())
    socket.on('close', () => resolve())
  })
}

/** Numbers that look like chance and are the same every time. */
function* chance(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (state * 48271) % 0x7fffffff
    yield state / 0x7fffffff
  }
}

const random = chance()
const draw = () => random.next().value
const noise = (length: number) => Buffer.from(Array.from({ length }, () => Math.floor(draw() * 256)))
const pick = <T>(from: readonly T[]): T => from[Math.floor(draw() * from.length)]!

const HOW = ['solver=euler&steps=3', 'solver=heun&steps=2', 'solver=dpm2m&steps=4', 'rtol=0.05&atol=0.05']
const wellFormed = () =>
  `/v1/samples?seed=${pick([0, 1, 2, 3, 4])}&count=${pick([1, 1, 1, 2, 5])}&format=${pick(['npy', 'png', 'webp'])}&${pick(HOW)}${pick(['', '&label=3', '&label=7&guidance=1.5'])}`

/** What is wrong, and the statuses that say so. */
const MALFORMED: (() => Promise<[Answer['status'], number]>)[] = [
  async () => [(await ask('/v1/samples?seed=-1')).status, 400],
  async () => [(await ask('/v1/samples?model=none')).status, 404],
  async () => [(await ask('/v1/samples?seed=%E0%A4%A')).status, 400],
  async () => [(await ask('/v1/fill', { body: noise(500) })).status, 400],
  async () => [(await ask('/v1/encode', { body: noise(40), type: 'application/x' })).status, 415],
  async () => [
    (await ask('/v1/images/generations', { body: Buffer.from('{"n":'), type: 'application/json' })).status,
    400,
  ],
  async () => {
    await sendRaw(noise(300))
    return [0, 0]
  },
]

const resident = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${serving.process.pid}/status`, 'utf8'))![1]) / 1024

/** Figures by their lines' beginnings. */
async function figures(): Promise<(line: RegExp) => number> {
  const text = (await ask('/metrics')).body.toString()
  return (line) =>
    text
      .split('\n')
      .filter((each) => line.test(each))
      .reduce((sum, each) => sum + Number(each.slice(each.lastIndexOf(' '))), 0)
}

it(`${REQUESTS} requests of ${CLIENTS} clients are each answered once, with the bits of their seeds`, {
  timeout: 3_600_000,
}, async () => {
  const hashes = new Map<string, string>()
  const count = { answered: 0, samples: 0, cancelled: 0, malformed: 0, slow: 0 }
  const wrong: string[] = []
  let [next, early] = [0, 0]

  const oneOf = async (i: number): Promise<void> => {
    if (i === Math.floor(REQUESTS / 10)) early = resident()
    const kind = i % 100
    if (kind === 33) {
      count.cancelled += 1
      await ask(wellFormed(), { signal: AbortSignal.timeout(Math.ceil(draw() * 30)) }).catch(() => {})
      return
    }
    if (kind === 66) {
      const [status, expected] = await MALFORMED[count.malformed++ % MALFORMED.length]!()
      if (status !== expected) wrong.push(`malformed: ${status} in place of ${expected}`)
      return
    }
    const path = wellFormed()
    const isSlow = kind === 99
    if (isSlow) count.slow += 1
    const { status, body } = await ask(path, { slow: isSlow ? 300 : 0 })
    const hash = createHash('sha256').update(body).digest('base64')
    if (status !== 200) wrong.push(`${status} of ${path}: ${body.toString().slice(0, 200)}`)
    if ((hashes.get(path) ?? hash) !== hash) wrong.push(`other bits of ${path}`)
    hashes.set(path, hash)
    count.answered += 1
    count.samples += Number(/count=(\d+)/.exec(path)![1])
  }
  const client = async () => {
    while (next < REQUESTS) await oneOf(next++)
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: CLIENTS }, client))
  const seconds = (performance.now() - began) / 1000
  // Each scrape begins anew.
  const lag = (await figures())(/^nodejs_eventloop_lag_p99_seconds/)

  expect(wrong.slice(0, 5)).toEqual([])
  expect(count.answered + count.cancelled + count.malformed).toBe(REQUESTS)
  // Those who went away are gone at the next step.
  await expect.poll(async () => (await figures())(/^pfgm_rows/), { timeout: 10_000 }).toBe(0)
  const figure = await figures()
  expect(figure(/^pfgm_waiting/)).toBe(0)
  const whole = figure(/^pfgm_request_seconds_count\{route="\/v1\/samples",status="200"\}/)
  expect(whole).toBeGreaterThanOrEqual(count.answered)
  expect(whole).toBeLessThanOrEqual(count.answered + count.cancelled)
  const abandoned = figure(/^pfgm_requests_abandoned/)
  // Some are broken off before they are sent, and of some others the answer is on its way.
  expect(whole + abandoned).toBeGreaterThanOrEqual(count.answered)
  expect(abandoned).toBeLessThanOrEqual(count.cancelled)
  const drawn = figure(/^pfgm_samples_drawn/)
  expect(drawn).toBeGreaterThanOrEqual(count.samples)
  expect(figure(/^pfgm_sample_evaluations_count/)).toBe(drawn)
  expect(figure(/^pfgm_queue_seconds_count/)).toBe(whole)
  expect(figure(/^pfgm_request_seconds_count\{.*status="5/)).toBe(0)
  const late = resident()
  console.log(
    `${REQUESTS} requests in ${seconds.toFixed(1)} s, ${count.cancelled} cancelled (${abandoned} of them under way), ${count.malformed} malformed, ${count.slow} slow; ` +
      `resident ${early.toFixed(0)} MB after a tenth, ${late.toFixed(0)} MB at the end; lag of the loop, 99 %: ${(lag * 1000).toFixed(1)} ms`,
  )
  // Of a short run most of what comes after the first tenth is pools that are made.
  expect(late - early).toBeLessThan(REQUESTS > 1000 ? 40 : 120)
  expect(lag).toBeLessThan(1)
})
