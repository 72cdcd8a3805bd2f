import type { Sde } from '../../flow/sde.js'
import type { RowCombination } from '../../native/addon.js'
import type { Row } from '../pool/row.js'
import type { PredictorCorrectorSolver } from '../solver.js'
import { IDENTITY } from './combination.js'
import { ones } from './multistep-history.js'
import type { Path } from './path.js'
import type { SlotWeights } from './slot-weights.js'
import type { Stepper, Trajectories } from './stepper.js'

/** A step in ln z that no method takes. */
const HAIR = 1e-9

/** Weights of a row's state, of its denoised image and of normals. */
interface NoisyWeights {
  readonly ofX: number
  readonly ofD: number
  readonly ofNoise: number
}

/**
 * Steps of a predictor along an SDE's even times, with noise of each row's own, and before each of them steps of a
 * corrector (arXiv 2011.13456, algorithm 1). States are x / signal, in which the score is
 * signal (d - x / signal) / noise^2. The last step is without its noise: that is the sample.
 */
export class PredictorCorrector implements Stepper<undefined> {
  readonly slots = 1
  readonly #path: Path
  readonly #solver: PredictorCorrectorSolver
  readonly #sde: Sde
  readonly #times: readonly number[]
  /** Steps over all of the SDE, of which the path may be a part. */
  readonly #n: number

  /** @throws RangeError where the flow is not that of an SDE, or the SDE has no such steps */
  constructor(path: Path, solver: PredictorCorrectorSolver) {
    const { sde, variable } = path
    const { name, steps, predictor } = solver
    if (!sde) {
      throw new RangeError(
        `Expected a flow of an SDE (ve, vp, subvp) for the solver ${name}, which follows one back with noise`,
      )
    }
    const [first, last] = [path.start, path.end].map((time) => sde.time(variable.toHeight(time))) as [
      number,
      number,
    ]
    const between = steps > 1 ? (first - last) / (steps - 1) : 0
    this.#path = path
    this.#solver = solver
    this.#sde = sde
    this.#times = Array.from({ length: steps }, (_, k) => first - k * between)
    this.#n = steps > 1 ? 1 + (1 - last) / between : 1
    const { ofX, ofNoise } = predictor(sde, first, this.#n)
    const scale = this.#corrections > 0 ? sde.langevinScale(first, this.#n) : 1
    if (Number.isFinite(ofX + ofNoise) && scale > 0) return
    throw new RangeError(
      `Expected more steps for the solver ${name}, whose discrete steps are too long with ${steps}: betaMax / steps is to be below 1`,
    )
  }

  get #corrections(): number {
    return this.#solver.corrector ? this.#solver.correctorSteps : 0
  }

  evaluationsOf(): number {
    return this.#corrections + 1
  }

  fresh(): undefined {}

  async begin(): Promise<void> {}

  async step(samples: Trajectories<undefined>): Promise<void> {
    for (let i = 0; i < this.#corrections; i++) await this.#correct(samples, i)
    await this.#evaluate(samples)
    const { rows } = samples
    const weights = rows.map((row) => this.#predicted(row))
    const moved = new Uint8Array(rows.length).fill(1)
    await samples.film(moved, (row, i) => interpolant(this.#endOf(row), weights[i]!))
    await samples.move(this.#combination(rows, weights, this.#corrections), ones(rows), moved)
    for (const row of rows) samples.arrive(row, this.#endOf(row))
    await samples.retire([...rows.keys()].filter((i) => rows[i]!.time === this.#path.end))
  }

  async #evaluate(samples: Trajectories<undefined>): Promise<void> {
    const heights = Float64Array.from(samples.rows, (row) => this.#sde.height(this.#times[row.taken]!))
    await samples.evaluate({ slot: 0, view: 'denoised', y: IDENTITY, steps: ones(samples.rows), heights })
  }

  /** The step from a row's time to its next one. */
  #predicted({ taken }: Row): NoisyWeights {
    const t = this.#times[taken]!
    const [signal, variance] = [this.#sde.signal(t), this.#sde.noise(t) ** 2]
    const { ofX, ofScore, ofNoise } = this.#solver.predictor(this.#sde, t, this.#n)
    const ends = taken + 1 === this.#times.length
    // The sample is data: its signal has not shrunk.
    const next = ends ? 1 : this.#sde.signal(this.#times[taken + 1]!)
    return {
      ofX: (signal / next) * (ofX - ofScore / variance),
      ofD: (signal / next) * (ofScore / variance),
      ofNoise: ends ? 0 : ofNoise / next,
    }
  }

  /** Step `number` of the corrector at the rows' times. */
  async #correct(samples: Trajectories<undefined>, number: number): Promise<void> {
    await this.#evaluate(samples)
    const { corrector, snr } = this.#solver
    const { rows } = samples
    const norms = corrector!.takesNorms ? await this.#norms(samples, number) : undefined
    const weights = rows.map(({ taken }, i): NoisyWeights => {
      const t = this.#times[taken]!
      const [signal, variance] = [this.#sde.signal(t), this.#sde.noise(t) ** 2]
      const [noiseNorm, scoreNorm] = [norms?.noise[i] ?? 0, norms?.score[i] ?? 0]
      const size = corrector!.stepSize({ sde: this.#sde, t, n: this.#n, snr, noiseNorm, scoreNorm })
      return { ofX: 1 - size / variance, ofD: size / variance, ofNoise: Math.sqrt(2 * size) / signal }
    })
    await samples.move(
      this.#combination(rows, weights, number),
      ones(rows),
      new Uint8Array(rows.length).fill(1),
    )
  }

  /** Norms of each row's normals and score, or of the batch's mean. */
  async #norms(samples: Trajectories<undefined>, number: number) {
    const { rows } = samples
    const score = rows.map(({ taken }): NoisyWeights => {
      const t = this.#times[taken]!
      const scale = this.#sde.signal(t) / this.#sde.noise(t) ** 2
      return { ofX: -scale, ofD: scale, ofNoise: 0 }
    })
    const noise = rows.map((): NoisyWeights => ({ ofX: 0, ofD: 0, ofNoise: 1 }))
    const sums = [noise, score].map((weights) => ({ y: this.#combination(rows, weights, number) }))
    const [ofNoise, ofScore] = await samples.norms({ rtol: 0, atol: 1 }, sums, ones(rows))
    if (this.#solver.norms === 'sample') return { noise: ofNoise!, score: ofScore! }
    return { noise: sharedMean(ofNoise!), score: sharedMean(ofScore!) }
  }

  #combination(rows: readonly Row[], weights: readonly NoisyWeights[], number: number): RowCombination {
    const draws = this.#corrections + 1
    return {
      ofX: Float64Array.from(weights, ({ ofX }) => ofX),
      ofK: Float64Array.from(weights, ({ ofD }) => ofD),
      noise: {
        weights: Float64Array.from(weights, ({ ofNoise }) => ofNoise),
        draws: Int32Array.from(rows, ({ taken }) => taken * draws + number),
      },
    }
  }

  /** The last step begins at the path's end; until it is taken a row is a hair before that. */
  #endOf({ taken }: Row): number {
    const { variable, direction, end } = this.#path
    const next = this.#times[taken + 1]
    if (next === undefined) return end
    const time = variable.toTime(this.#sde.height(next))
    return direction * Math.min(direction * time, direction * end - HAIR)
  }
}

function sharedMean(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return new Float64Array(values.length).fill(mean)
}

/** A step that jumps at its end, where its noise comes. */
function interpolant(end: number, { ofX, ofD }: NoisyWeights) {
  const [before, after]: SlotWeights[] = [
    { ofX: 1, ofK: [0] },
    { ofX, ofK: [ofD] },
  ]
  const denoised: SlotWeights = { ofX: 0, ofK: [1] }
  return { end, at: (time: number) => (time === end ? after! : before!), denoised }
}
