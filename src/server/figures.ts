import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { memory } from '../native/device.js'
import type { SubmittedSamples } from '../sampler/request.js'
import type { Place } from './place.js'
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
  readonly #abandoned = new Counter({
    name: 'pfgm_requests_abandoned',
    help: 'Requests whose clients went away before they had their answers, by route',
    labelNames: ['route'],
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
    const ofModels = (name: string, help: string, value: (place: Place) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['model'],
        registers,
        collect() {
          for (const place of shelf.all) this.set({ model: place.name }, value(place))
        },
      })
    ofModels('pfgm_rows', 'Samples under way', ({ figures }) => figures.rows)
    ofModels('pfgm_waiting', 'Samples that wait for room', ({ figures }) => figures.waiting)
    ofModels('pfgm_network_calls', 'Network calls so far', ({ figures }) => figures.calls)
    ofModels(
      'pfgm_network_rows',
      'Rows in them: over calls, the batch size',
      ({ figures }) => figures.evaluations,
    )
    ofModels('pfgm_samples_drawn', 'Samples that are drawn', ({ figures }) => figures.drawn)
    ofModels('pfgm_model_loads', 'Times that a model was loaded', ({ loads }) => loads)
    ofModels('pfgm_model_bytes', 'Weights in memory; 0 of a model that is not loaded', (place) =>
      place.isLoaded ? place.bytes : 0,
    )
    new Gauge({
      name: 'pfgm_models_loaded',
      help: 'Models that are loaded',
      registers,
      collect() {
        this.set(shelf.all.filter(({ isLoaded }) => isLoaded).length)
      },
    })
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

  abandoned(route: string): void {
    this.#abandoned.inc({ route })
  }

  drawn(model: string, { milliseconds, evaluations }: SubmittedSamples): void {
    this.#queued.observe({ model }, milliseconds.queued / 1000)
    for (const each of evaluations) this.#evaluations.observe({ model }, each)
  }
}
