import { integer, oneOf, optionsSchema } from '../../arguments/schema.js'
import { Tensor } from '../../tensor/tensor.js'
import { uniformInLogHeight } from '../schedules/uniform.js'
import { denoisedWeights, type Interpolant } from '../steppers/dense-output.js'

/** What of the paths is filmed. */
export interface FilmOptions {
  /** How many frames at even steps in ln z, both ends of the path included, 2 to 1000. Default 24. */
  frames?: number
  /**
   * What is filmed: the `denoised` image of the path at a height, and last the sample itself; or the `state`, which is
   * noise until near the data. Default denoised.
   */
  of?: 'denoised' | 'state'
}

export const FILM_SCHEMA = optionsSchema<FilmOptions>({
  frames: integer(2, 1000),
  of: oneOf(['denoised', 'state']),
})

const FRAMES = 24

/** The bytes of a film's images. */
export function filmBytes({ frames = FRAMES }: FilmOptions, count: number, numbers: number): number {
  return count * frames * numbers * Float32Array.BYTES_PER_ELEMENT
}

/** Samples' paths. */
export interface Film {
  /** `[count, frames, ...itemShape]`; NaN where a path ended early. Yours to dispose of. */
  readonly images: Tensor<'float32'>
  /** z of each frame, falling. */
  readonly heights: Float64Array
}

/** What draws a film's frames while samples pass their heights, without an evaluation of the network. */
export class Camera {
  readonly film: Film
  readonly #of: 'denoised' | 'state'

  private constructor(film: Film, of: 'denoised' | 'state') {
    this.film = film
    this.#of = of
  }

  static async create(
    { frames = FRAMES, of = 'denoised' }: FilmOptions,
    { count, from, to, shape }: { count: number; from: number; to: number; shape: readonly number[] },
  ): Promise<Camera> {
    const images = await Tensor.full([count, frames, ...shape], Number.NaN, 'float32')
    return new Camera({ images, heights: uniformInLogHeight(from, to, frames - 1) }, of)
  }

  /** The first frame from `next` on whose height lies below a height. */
  after(next: number, height: number): number {
    const { heights } = this.film
    let frame = next
    while (frame < heights.length && heights[frame]! >= height) frame++
    return frame
  }

  /** The weights of a frame in a step. */
  weights(step: Interpolant, frame: number, toTime: (height: number) => number) {
    const { heights } = this.film
    const height = heights[frame]!
    const whole = this.#of === 'state' || frame === heights.length - 1
    if (whole) return step.at(toTime(height))
    return step.denoised ?? denoisedWeights(step, height, toTime)
  }
}
