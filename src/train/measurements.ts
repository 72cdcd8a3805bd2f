import type { BestModel } from './best-model.js'
import type { Evaluation } from './evaluation.js'
import type { EndEvent, Measured, TrainEvent } from './events.js'
import { isNotFinite, isOutOfMemory } from './failures.js'
import { TimeShare } from './time-share.js'
import type { Validation } from './validation.js'

/** What a run measures of its model, on the way in a tenth of the training's time. */
export class Measurements {
  readonly #evaluation: Evaluation
  readonly #validation: Validation | undefined
  readonly #best: BestModel
  readonly #samples: number
  readonly #share = new TimeShare()
  /** What one takes: as the last one did, or as a first is expected to. */
  #seconds: number | undefined
  /** Since the last one, as there was no time. */
  #leftOut = 0

  /** @param samples whose distance to the data is measured; 0 for none */
  constructor(evaluation: Evaluation, validation: Validation | undefined, best: BestModel, samples: number) {
    this.#evaluation = evaluation
    this.#validation = validation
    this.#best = best
    this.#samples = samples > 1 ? samples : 0
  }

  /**
   * Measures if there is time. The first that is left out is told of, and with the next that is not, how many were.
   * @param trained seconds that training took so far
   */
  async due(step: number, trained: number, signal: AbortSignal | undefined): Promise<TrainEvent | undefined> {
    const began = performance.now()
    const took = () => (performance.now() - began) / 1000
    try {
      this.#seconds ??= await this.#expected(step, this.#samples, signal)
      const left = this.#share.left(trained) - took()
      if (this.#seconds > left) {
        this.#leftOut++
        return this.#leftOut === 1 ? { type: 'left-out', step, seconds: this.#seconds, left } : undefined
      }
      const measured = {
        ...(await this.#validationLoss(signal)),
        ...(await this.#distance(step, signal)),
      }
      const best = await this.#offer(step, measured)
      const leftOut = this.#leftOut
      this.#leftOut = 0
      this.#seconds = took()
      return {
        type: 'evaluation',
        step,
        seconds: this.#seconds,
        ...measured,
        ...best,
        ...(leftOut > 0 && { leftOut }),
      }
    } catch (error) {
      if (signal?.aborted) return undefined
      if (!isOutOfMemory(error)) throw error
      return { type: 'warning', message: `Nothing was measured at step ${step}: ${error.message}` }
    } finally {
      this.#share.spend(took())
    }
  }

  /**
   * What there is to add to what was found of the trained model's samples.
   * @throws the signal's reason
   */
  async atEnd(
    step: number,
    trained: number,
    distance: Measured['distance'],
    signal: AbortSignal | undefined,
  ): Promise<Pick<EndEvent, 'validationLoss' | 'best'>> {
    const isTime = this.#validation && (await this.#expected(step, 0, signal)) <= this.#share.left(trained)
    const validation = isTime ? await this.#validationLoss(signal) : {}
    return { ...validation, ...(await this.#offer(step, { ...validation, ...(distance && { distance }) })) }
  }

  async #expected(step: number, samples: number, signal: AbortSignal | undefined): Promise<number> {
    const seconds = await this.#evaluation.secondsPerEvaluation(step, { signal })
    return seconds * (samples * this.#evaluation.evaluationsPerSample + (this.#validation?.evaluations ?? 0))
  }

  async #validationLoss(signal: AbortSignal | undefined): Promise<Pick<Measured, 'validationLoss'>> {
    return this.#validation ? { validationLoss: await this.#validation.loss(signal) } : {}
  }

  /** A network that has learned little may have no path to the data yet. */
  async #distance(step: number, signal: AbortSignal | undefined): Promise<Pick<Measured, 'distance'>> {
    if (this.#samples === 0) return {}
    try {
      return { distance: await this.#evaluation.distance(step, this.#samples, { signal }) }
    } catch (error) {
      if (signal?.aborted || !isNotFinite(error)) throw error
      return {}
    }
  }

  async #offer(step: number, measured: Measured): Promise<{ best?: true }> {
    return (await this.#best.offer(step, measured)) ? { best: true } : {}
  }
}
