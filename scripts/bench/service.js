// What a service draws for many clients at a time over HTTP on the same machine, beside the library alone.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { PoissonFlow } from '../../dist/index.js'

const PROGRAM = fileURLToPath(new URL('service-server.js', import.meta.url))
const CLIENTS = 64

/** The default, and four solvers of different steps and tolerances. */
const EQUAL = [{}]
const MIXED = [
  {},
  { solver: 'heun', steps: 8 },
  { solver: 'rk45', rtol: 0.001, atol: 0.001 },
  { solver: 'dpm2m', steps: 12 },
]

/**
 * @param {unknown} _peer there is nothing to compare with
 * @param {{ quick: boolean }} options
 */
export async function benchService(_peer, { quick }) {
  const seconds = quick ? 3 : 10
  const library = await measureLibrary(seconds)
  const rows = []
  const shared = await Service.start()
  try {
    rows.push({ name: '64 clients, equal settings', ...(await shared.load(EQUAL, CLIENTS, seconds)) })
    rows.push({ name: '64 clients, four solvers', ...(await shared.load(MIXED, CLIENTS, seconds)) })
    rows.push({ name: '1 client', ...(await shared.load(EQUAL, 1, seconds)) })
    const half = rows[0].images / 2
    rows.push({ name: 'half of that load', ...(await shared.arrivals(half, seconds)) })
  } finally {
    await shared.end()
  }
  const equal = await Service.start('--equal-only')
  try {
    rows.push({
      name: '64 clients, four solvers, equal requests alone together',
      ...(await equal.load(MIXED, CLIENTS, seconds)),
    })
  } finally {
    await equal.end()
  }
  return { library, rows }
}

/** Rows through the network a second: of batches of 64, and one sample at a time. */
async function measureLibrary(seconds) {
  const model = await PoissonFlow.load('digits')
  const rate = async (count) => {
    let rows = 0
    const began = performance.now()
    while (performance.now() - began < seconds * 1000) {
      const { images, nfe } = await model.sample({ count, seed: rows })
      images.dispose()
      rows += nfe * count
    }
    return rows / ((performance.now() - began) / 1000)
  }
  await rate(64)
  const [batch, one] = [await rate(64), await rate(1)]
  model.dispose()
  return { batch, one }
}

class Service {
  #child
  #url
  #agent = new Agent({ connections: 2 * CLIENTS, pipelining: 1 })

  static async start(...args) {
    const service = new Service()
    service.#child = fork(PROGRAM, args)
    const [{ url }] = await once(service.#child, 'message')
    service.#url = url
    await service.load(EQUAL, CLIENTS, 1)
    return service
  }

  /** As many clients, each of which asks again as soon as it has been answered. */
  async load(settings, clients, seconds) {
    const end = performance.now() + seconds * 1000
    const taken = []
    const began = performance.now()
    const server = await this.#measured(async () => {
      const client = async (which) => {
        for (let i = which; performance.now() < end; i += clients) {
          taken.push(await this.#draw({ ...settings[i % settings.length], seed: i }))
        }
      }
      await Promise.all(Array.from({ length: clients }, (_, which) => client(which)))
    })
    return { ...figures(taken, (performance.now() - began) / 1000), ...server }
  }

  /** Requests that come one after another, however many are under way. */
  async arrivals(perSecond, seconds) {
    const taken = []
    const began = performance.now()
    const server = await this.#measured(async () => {
      const open = []
      for (let i = 0; i < perSecond * seconds; i++) {
        await sleep(Math.max(0, began + (i / perSecond) * 1000 - performance.now()))
        open.push(this.#draw({ seed: i, format: 'json' }).then((one) => taken.push(one)))
      }
      await Promise.all(open)
    })
    return { ...figures(taken, (performance.now() - began) / 1000), ...server }
  }

  async end() {
    await this.#agent.close()
    this.#child.send('close')
    await once(this.#child, 'exit')
  }

  async #measured(work) {
    this.#child.send('begin')
    await work()
    this.#child.send('end')
    const [{ p99 }] = await once(this.#child, 'message')
    return { loop: p99 }
  }

  async #draw(query) {
    const began = performance.now()
    // Not fetch, which takes a core's time of its own.
    const url = `${this.#url}/v1/samples?${new URLSearchParams(query)}`
    const { statusCode, headers, body } = await request(url, { dispatcher: this.#agent })
    const bytes = Buffer.from(await body.arrayBuffer())
    if (statusCode !== 200) throw new Error(`${statusCode}: ${bytes}`)
    const milliseconds = performance.now() - began
    const rows = Number(headers['x-evaluations'])
    const queued = query.format === 'json' ? JSON.parse(bytes.toString()).milliseconds.queued : undefined
    return { milliseconds, rows, queued }
  }
}

function figures(taken, seconds) {
  const sorted = (values) => values.toSorted((a, b) => a - b)
  const at = (values, share) => values[Math.min(Math.floor(share * values.length), values.length - 1)]
  const latency = sorted(taken.map(({ milliseconds }) => milliseconds))
  const queued = sorted(taken.flatMap(({ queued: each }) => each ?? []))
  return {
    images: taken.length / seconds,
    rate: taken.reduce((sum, { rows }) => sum + rows, 0) / seconds,
    p50: at(latency, 0.5),
    p99: at(latency, 0.99),
    ...(queued.length > 0 && { queuedP99: at(queued, 0.99) }),
  }
}
