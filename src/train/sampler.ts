import { Model } from '../model/model.js'
import { type SamplingOptions, sample, usualSolver } from '../model/sample.js'
import { solverByName } from '../ode/solver.js'
import { type SolverSettings, solverOptions } from '../ode/solver-options.js'
import { Tensor } from '../tensor/tensor.js'
import type { RunConfig } from './checkpoint.js'
import type { Trainer } from './trainer.js'

/** What the default solvers take a sample of a trained model at most, whatever its flow. */
export const EVALUATIONS = 120
/** Where not even so many samples have time for that, they get these few steps. */
const FEW = 16
const QUICK = { solver: 'unipc', steps: 10 } as const
/** Of flows that only Runge-Kutta methods follow. */
const QUICK_IN_TIME = { solver: 'euler', steps: 10 } as const
/** One evaluation each measures what it takes; points are quick. */
const PROBED = { images: 16, points: 512 } as const
/** How much of the time that is left is planned for: a machine is not always as quick as it was. */
const CAREFUL = 0.9

/** Multiples of it, modulo 1, are spread evenly, however many there are. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2

export interface Watch {
  readonly signal?: AbortSignal | undefined
  /** @param fraction of the samples, 0 to 1 */
  readonly onProgress?: (fraction: number) => void
}

export interface Drawn {
  readonly images: Tensor<'float32'>
  /** Whether they came all the way with the default solver: worth measuring. */
  readonly exact: boolean
}

/** Samples of a model under training, drawn with the averaged weights: sample i from seed i. */
export class Sampler {
  readonly #config: RunConfig
  readonly #trainer: Trainer
  readonly #labelsOfData: ArrayLike<number> | undefined

  /** @param labels of the data's items, where classes are learned */
  constructor(config: RunConfig, trainer: Trainer, labels: ArrayLike<number> | undefined) {
    this.#config = config
    this.#trainer = trainer
    this.#labelsOfData = labels
  }

  /** So many, whatever time they take. @param maxEvaluations of each: it ends there. As many as it takes where not given. */
  async all(step: number, count: number, watch: Watch, maxEvaluations?: number): Promise<Drawn> {
    return this.#draw(step, {
      count,
      ...(maxEvaluations !== undefined && { maxEvaluations }),
      ...watching(watch),
    })
  }

  /**
   * As many as there is time for: `first` of them, or fewer, or with fewer steps, then more, up to `most`.
   * @returns undefined where there is no time for one
   */
  async within(
    seconds: number,
    step: number,
    { first, most }: { first: number; most: number },
    watch: Watch,
  ): Promise<Drawn | undefined> {
    const began = performance.now()
    const evaluations = seconds / (await this.secondsPerEvaluation(step, watch))
    const count = Math.min(first, Math.floor(evaluations / EVALUATIONS))
    if (count < Math.min(first, FEW)) {
      const fewer = Math.min(first, Math.floor(evaluations / (QUICK.steps + 1)))
      if (fewer < 1) return undefined
      const quick = await this.#draw(step, { count: fewer, ...watching(watch) }, QUICK)
      return { ...quick, exact: false }
    }
    const maxEvaluations = Math.floor(evaluations / count)
    const drawn = await this.#draw(step, { count, maxEvaluations, ...watching(watch, 0, count / most) })
    const spent = (performance.now() - began) / 1000
    const more = Math.min(most - count, Math.floor((CAREFUL * (seconds - spent) * count) / spent))
    if (more < 1 || !drawn.exact) return drawn
    using start = drawn.images
    const others = await this.#draw(step, {
      count: more,
      seed: count,
      maxEvaluations,
      ...watching(watch, count / (count + more)),
    })
    using rest = others.images
    return { images: await Tensor.concat([start, rest]), exact: others.exact }
  }

  /** Of one item. */
  async secondsPerEvaluation(step: number, { signal }: Watch): Promise<number> {
    const count = this.#config.shape.length === 1 ? PROBED.points : PROBED.images
    const began = performance.now()
    const { images } = await this.#draw(
      step,
      { count, keepNotFinite: true, ...watching({ signal }) },
      { solver: 'euler', steps: 1 },
    )
    images.dispose()
    return (performance.now() - began) / 1000 / count
  }

  /** Of items all over the data, which may be sorted by class, so that the samples have the classes' shares. */
  #labels({ count = 1, seed = 0 }: SamplingOptions): Int32Array | undefined {
    const labels = this.#labelsOfData
    if (!labels) return undefined
    const place = (i: number) => Math.floor(((i * GOLDEN_RATIO) % 1) * labels.length)
    return Int32Array.from({ length: count }, (_, i) => labels[place(Number(seed) + i)]!)
  }

  async #draw(step: number, options: SamplingOptions, settings: SolverSettings = {}): Promise<Drawn> {
    const { flow, data, network } = this.#config
    const model = new Model({ flow, data, network, step }, this.#trainer.averaged)
    const labels = this.#labels(options)
    const { far, near } = model.flow
    const chosen = settings === QUICK && model.flow.isInTime ? QUICK_IN_TIME : settings
    const solver = solverByName(solverOptions({ ...usualSolver(model), ...chosen }), far.height, near.height)
    const { images, status } = await sample(model, solver, { ...options, ...(labels && { labels }) })
    return { images, exact: status.every((each) => each !== 'maxEvaluations') }
  }
}

/** Options for a part of the samples, from a fraction of them to another. */
function watching(
  { signal, onProgress }: Watch,
  from = 0,
  to = 1,
): Pick<SamplingOptions, 'signal' | 'onProgress'> {
  return {
    ...(signal && { signal }),
    ...(onProgress && { onProgress: ({ fraction }) => onProgress(from + (to - from) * fraction) }),
  }
}
