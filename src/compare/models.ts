import { PoissonFlow } from '../poisson-flow.js'
import { keyOf, type ModelName } from './job.js'

/** The model that was worked with last: jobs of a model follow one another. */
export class LastModel implements Disposable {
  #key = ''
  #model: PoissonFlow | undefined

  /** @param folder of its training run */
  async get(name: ModelName, folder: string): Promise<PoissonFlow> {
    if (this.#model && this.#key === keyOf(name)) return this.#model
    this[Symbol.dispose]()
    this.#model = await PoissonFlow.load(folder, { device: 'cpu' })
    this.#key = keyOf(name)
    return this.#model
  }

  [Symbol.dispose](): void {
    this.#model?.dispose()
    this.#model = undefined
  }
}
