import { modelMetadata } from '../checkpoint/model.js'
import type { RunFolder } from '../checkpoint/run-folder.js'
import { readHeader, writeTensors } from '../checkpoint/safetensors.js'
import { lookAt } from '../files/read.js'
import { valueBy } from './best-metrics.js'
import type { RunConfig } from './checkpoint.js'
import type { Measured } from './events.js'
import type { Trainer } from './trainer.js'

/** Keeps the averaged weights that were best so far by a metric, as a model file of the run. */
export class BestModel {
  readonly #folder: RunFolder
  readonly #config: RunConfig
  readonly #trainer: Trainer
  /** What has to be undercut; undefined until the file has been looked at. */
  #least: number | undefined

  constructor(folder: RunFolder, config: RunConfig, trainer: Trainer) {
    this.#folder = folder
    this.#config = config
    this.#trainer = trainer
  }

  /** Keeps the model if it is better than what is kept. @returns whether it is */
  async offer(step: number, measured: Measured): Promise<boolean> {
    const { keepBest, network, flow, data, classes } = this.#config
    const value = keepBest && valueBy(keepBest, measured)
    if (value === undefined) return false
    this.#least ??= await this.#kept()
    if (!(value < this.#least)) return false
    await writeTensors(this.#trainer.averaged.handle, this.#folder.best, {
      ...modelMetadata('model', { network, flow, data, step, ...(classes && { classes }) }),
      metric: keepBest!,
      of: this.#measured,
      value: String(value),
    })
    this.#least = value
    return true
  }

  /** What values are measured on: those on other data do not compare. */
  get #measured(): string {
    const { dataHash, validation } = this.#config
    return JSON.stringify([dataHash, validation])
  }

  /** The value of the model that was kept before; one that was kept by another metric or data does not count. */
  async #kept(): Promise<number> {
    if ((await lookAt(this.#folder.best)) === undefined) return Number.POSITIVE_INFINITY
    const { metric, of, value } = (await readHeader(this.#folder.best)).metadata
    const least = metric === this.#config.keepBest && of === this.#measured ? Number(value) : Number.NaN
    return Number.isFinite(least) ? least : Number.POSITIVE_INFINITY
  }
}
