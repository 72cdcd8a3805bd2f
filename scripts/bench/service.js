// What a service draws for many clients at a time over HTTP on the same machine, beside the library alone.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { PoissonFlow } from '../../dist/index.js'
import { median } from './compare.js'

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

/** Everything is measured again in each round, side by side: machines are not equally fast all the time. */
const ROUNDS = 5

/**
 * @param {unknown} _peer there is nothing to compare with
 * @param {{ quick: boolean }} options
 */
export async function benchService(_peer, { quick }) {
  const [rounds, seconds] = quick ? [1, 2] : [ROUNDS, 3]
  const library = await Library.load()
  const [shared, equal] = [await Service.start(), await Service.start('--equal-only')]
  const of = {
    'library, batches of 64': () => library.draw(64, seconds),
    'library, one at a time': () => library.draw(1, seconds / 2),
    '64 clients, equal settings': () => shared.load(EQUAL, CLIENTS, seconds),
    '64 clients, four solvers': () => shared.load(MIXED, CLIENTS, seconds),
    '64 clients, four solvers, equal requests alone together': () => equal.load(MIXED, CLIENTS, 2 * seconds),
    '1 client': () => shared.load(EQUAL, 1, seconds / 2),
  }
  const found = Object.fromEntries(Object.keys(of).map((name) => [name, []]))
  try {
    for (let round = 0; round < rounds; round++) {
      let batches
      for (const [name, measure] of Object.entries(of)) {
        const figures = await measure()
        batches ??= figures.rate
        found[name].push({ ...figures, share: figures.rate / batches })
      }
    }
    const half = median(found['64 clients, equal settings'].map(({ images }) => images)) / 2
    found['half of that load'] = [await shared.arrivals(half, rounds * seconds)]
  } finally {
    await shared.end()
    await equal.end()
    library.dispose()
  }
  return { rows: Object.entries(found).map(([name, all]) => ({ name, ...medians(all) })) }
}

class Library {
  #model
  #seed = 0

  static async load() {
    const library = new Library()
    library.#model = await PoissonFlow.load('digits')
    await library.draw(64, 1)
    return library
  }

  /** Images, and rows through the network, a second. */
  async draw(count, seconds) {
    let [images, rows] = [0, 0]
    const began = performance.now()
    while (performance.now() - began < seconds * 1000) {
      const drawn = await this.#model.sample({ count, seed: this.#seed })
      drawn.images.dispose()
      this.#seed += count
      images += count
      rows += drawn.nfe * count
    }
    const taken = (performance.now() - began) / 1000
    return { images: images / taken, rate: rows / taken }
  }

  dispose() {
    this.#model.dispose()
  }
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

/** Of each figure, over rounds. */
function medians(rounds) {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((key) => [key, median(rounds.map((each) => each[key]))]),
  )
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
