import type { BestModel } from './best-model.js'
import type { Evaluation } from './evaluation.js'
import type { EndEvent, Measured, TrainEvent } from './events.js'
import { isNotFinite, isOutOfMemory } from './failures.js'
import { TimeShare } from './time-share.js'
import type { Validation } from './validation.js'

/** No sample needs as many. */
const MOST_EVALUATIONS = 100_000

/** What a run measures of its model, on the way in a tenth of the training's time. */
export class Measurements {
  readonly #evaluation: Evaluation
  readonly #validation: Validation | undefined
  readonly #best: BestModel
  readonly #samples: number
  readonly #share = new TimeShare()
  #secondsPerEvaluation: number | undefined
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
      const distance = await this.#distance(step, left, signal)
      const measured = { ...(await this.#validationLoss(signal)), ...(distance && { distance }) }
      const best = await this.#offer(step, measured)
      const leftOut = this.#leftOut
      const seconds = took()
      this.#leftOut = 0
      // Samples that had no end in that time get more the next time.
      this.#seconds = this.#samples > 0 && !distance ? 2 * seconds : seconds
      return { type: 'evaluation', step, seconds, ...measured, ...best, ...(leftOut > 0 && { leftOut }) }
    } catch (error) {
      if (signal?.aborted) return undefined
      if (!isNotFinite(error) && !isOutOfMemory(error)) throw error
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
    const validation = await this.#validationAtEnd(step, this.#share.left(trained), signal)
    return { ...validation, ...(await this.#offer(step, { ...validation, ...(distance && { distance }) })) }
  }

  /** Where there is time and room. */
  async #validationAtEnd(
    step: number,
    seconds: number,
    signal: AbortSignal | undefined,
  ): Promise<Pick<Measured, 'validationLoss'>> {
    try {
      if (this.#validation && (await this.#expected(step, 0, signal)) > seconds) return {}
      return await this.#validationLoss(signal)
    } catch (error) {
      if (signal?.aborted || (!isNotFinite(error) && !isOutOfMemory(error))) throw error
      return {}
    }
  }

  async #expected(step: number, samples: number, signal: AbortSignal | undefined): Promise<number> {
    this.#secondsPerEvaluation ??= await this.#evaluation.secondsPerEvaluation(step, { signal })
    return (
      this.#secondsPerEvaluation *
      (samples * this.#evaluation.evaluationsPerSample + (this.#validation?.evaluations ?? 0))
    )
  }

  async #validationLoss(signal: AbortSignal | undefined): Promise<Pick<Measured, 'validationLoss'>> {
    return this.#validation ? { validationLoss: await this.#validation.loss(signal) } : {}
  }

  /** A network that has learned little may have no path to the data yet, or none that ends in so many seconds. */
  async #distance(
    step: number,
    seconds: number,
    signal: AbortSignal | undefined,
  ): Promise<Measured['distance']> {
    if (this.#samples === 0) return undefined
    const evaluations = Math.floor(seconds / (this.#secondsPerEvaluation! * this.#samples))
    const most = Math.min(Math.max(evaluations, 2), MOST_EVALUATIONS)
    try {
      return await this.#evaluation.distance(step, this.#samples, most, { signal })
    } catch (error) {
      if (signal?.aborted || !isNotFinite(error)) throw error
      return undefined
    }
  }

  async #offer(step: number, measured: Measured): Promise<{ best?: true }> {
    return (await this.#best.offer(step, measured)) ? { best: true } : {}
  }
}
