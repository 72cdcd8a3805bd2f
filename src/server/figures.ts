import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { memory } from '../native/device.js'
import type { SubmittedSamples } from '../sampler/request.js'
import type { Shelf } from './shelf.js'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What a service measures of itself, for Prometheus. */
export class Figures {
  readonly registry = new Registry()
  readonly #requests = new Histogram({
    name: 'pfgm_request_seconds',
    help: 'Time of requests, by route and status',
    labelNames: ['route', 'status'],
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly #queued = new Histogram({
    name: 'pfgm_queue_seconds',
    help: 'Time that requests waited for room',
    labelNames: ['model'],
    buckets: SECONDS,
    registers: [this.registry],
  })
  readonly #evaluations = new Histogram({
    name: 'pfgm_sample_evaluations',
    help: 'Network evaluations of samples',
    labelNames: ['model'],
    buckets: [5, 10, 15, 20, 30, 50, 100, 200, 500, 1000],
    registers: [this.registry],
  })

  constructor(shelf: Shelf) {
    collectDefaultMetrics({ register: this.registry })
    const registers = [this.registry]
    const ofModels = (name: string, help: string, value: (figures: ReturnType<typeof figuresOf>) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['model'],
        registers,
        collect() {
          for (const served of shelf.all) this.set({ model: served.name }, value(figuresOf(served.sampler)))
        },
      })
    ofModels('pfgm_rows', 'Samples under way', ({ rows }) => rows)
    ofModels('pfgm_waiting', 'Samples that wait for room', ({ waiting }) => waiting)
    ofModels('pfgm_network_calls', 'Network calls so far', ({ calls }) => calls)
    ofModels(
      'pfgm_network_rows',
      'Rows in them: over calls, the batch size',
      ({ evaluations }) => evaluations,
    )
    ofModels('pfgm_samples_drawn', 'Samples that are drawn', ({ drawn }) => drawn)
    new Gauge({
      name: 'pfgm_native_bytes',
      help: 'Memory of tensors and networks',
      registers,
      collect() {
        this.set(memory().bytes)
      },
    })
  }

  requested(route: string, status: number, seconds: number): void {
    this.#requests.observe({ route, status }, seconds)
  }

  drawn(model: string, { milliseconds, evaluations }: SubmittedSamples): void {
    this.#queued.observe({ model }, milliseconds.queued / 1000)
    for (const each of evaluations) this.#evaluations.observe({ model }, each)
  }
}

const figuresOf = ({ figures }: Shelf['all'][number]['sampler']) => figures
