import { PfgmError } from '../errors.js'
import { isDrawable } from '../tensor/picture.js'

/** What is known of data before training. */
export interface DataRange {
  readonly name: string
  readonly count: number
  readonly shape: readonly number[]
  readonly minimum: number
  readonly maximum: number
  /** Whether they are pixels 0 to 255, whose values are known, rather than numbers. */
  readonly pixels: boolean
}

/** Beyond these, numbers of pictures are not in [-1, 1] but for a few; and not deviations of anything either. */
const BEYOND = 1.5
const FAR_BEYOND = 16

/**
 * What is wrong with the values of data, with its cure.
 * @returns warnings
 * @throws PfgmError `ERR_PFGM_DATA` where nothing could be learned
 */
export function checkRange({ name, count, shape, minimum, maximum, pixels }: DataRange): string[] {
  if (minimum === maximum) {
    const thing = shape.length === 1 ? 'points' : 'images'
    throw new PfgmError(
      'ERR_PFGM_DATA',
      `Expected ${thing} that differ but all values of ${name} are ${minimum}: there is nothing to learn`,
    )
  }
  if (pixels || shape.length !== 3) return []
  const span = `Expected images with values in [-1, 1] but ${count === 1 ? 'it spans' : 'they span'} ${short(minimum)} to ${short(maximum)}`
  const size = Math.max(-minimum, maximum)
  if (!isDrawable(shape)) {
    return size > BEYOND ? [`${span}: divide them by their standard deviation if it is far from 1`] : []
  }
  if (minimum >= 0 && maximum > BEYOND) {
    const cure = maximum > 255 ? `2 * x / ${maximum} - 1` : maximum > 2 ? 'x / 127.5 - 1' : 'x - 1'
    const integers = maximum > 2 && maximum <= 255 ? 'give them as uint8, or ' : ''
    throw new PfgmError('ERR_PFGM_DATA', `${span}: ${integers}train on \`${cure}\``)
  }
  if (size > FAR_BEYOND) {
    throw new PfgmError('ERR_PFGM_DATA', `${span}: train on \`2 * (x - lowest) / (highest - lowest) - 1\``)
  }
  if (size > BEYOND) {
    return [
      `${span}, as of images that were normalised by mean and deviation. Samples will be so, too, and pictures of them ` +
        'wrong: undo it, and train on `2 * x - 1` of what is then in [0, 1]',
    ]
  }
  if (minimum >= 0 && maximum <= 1) {
    return [
      `${span}, so black is taken for grey, and pictures of samples will be pale: train on \`2 * x - 1\` if 0 is black`,
    ]
  }
  return []
}

/** Mean norms of points that the flow's constants and the network serve. */
const NORMS = { least: 0.3, most: 3 } as const

/** What is wrong with how far points lie from the origin, with its cure. */
export function checkNorm(name: string, meanNorm: number): string[] {
  if (meanNorm >= NORMS.least && meanNorm <= NORMS.most) return []
  return [
    `Expected points about 1 from the origin but those of ${name} are ${short(meanNorm)} from it on average, and will be ` +
      'learned badly: train on `(x - mean) / s`, s the mean of |x - mean|, and take samples times s plus the mean',
  ]
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)))
}
