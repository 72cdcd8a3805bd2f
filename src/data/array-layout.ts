import { product } from '../check.js'
import { dataError } from '../files/read.js'

/** What the axes of an array of items mean, and where its values go in a data set. */
export interface ArrayLayout {
  readonly count: number
  /** Of one item: `[channels, height, width]` or `[dimensions]`. */
  readonly shape: readonly number[]
  /** Of each axis of the array, in values. */
  readonly strides: readonly number[]
  /** What was taken for granted. */
  readonly note?: string
}

const CHANNELS = [1, 3, 4]

/**
 * An array of items, `[n, channels, height, width]`, `[n, height, width, channels]`, `[n, height, width]` or
 * `[n, dimensions]`. The last axis is taken for channels where it is 1, 3 or 4 and the second is not.
 *
 * @param name of the array, for messages
 * @throws PfgmError `ERR_PFGM_DATA` for another shape, with what makes it one of these in NumPy
 */
export function layoutOf(name: string, shape: readonly number[]): ArrayLayout {
  const [count = 0, ...sizes] = shape
  const text = `[${shape.join(', ')}]`
  if (shape.length > 0 && product(shape) === 0)
    throw dataError(name, 'an array of items', `${text}: it has no values`)
  const [first, second, third] = sizes
  switch (sizes.length) {
    case 1:
      return { count, shape: sizes, strides: contiguous(shape) }
    case 2:
      return { count, shape: [1, ...sizes], strides: contiguous(shape) }
    case 3:
      if (CHANNELS.includes(third!) && !CHANNELS.includes(first!))
        return channelsLast(text, count, first!, second!, third!)
      return { count, shape: sizes, strides: contiguous(shape) }
    default:
      throw dataError(
        name,
        'an array of items, [n, channels, height, width], [n, height, width] or [n, d]',
        `${text}: ${cure(shape)}`,
      )
  }
}

function channelsLast(
  text: string,
  count: number,
  height: number,
  width: number,
  channels: number,
): ArrayLayout {
  const pixels = height * width
  return {
    count,
    shape: [channels, height, width],
    strides: [channels * pixels, width, 1, pixels],
    note: `${text} was read as channels last: images of ${width} x ${height} pixels with ${channels} channel${channels === 1 ? '' : 's'}`,
  }
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, axis) => product(shape.slice(axis + 1)))
}

function cure(shape: readonly number[]): string {
  if (shape.length === 0) return 'a single number'
  if (shape.length === 1)
    return 'if these are points of d dimensions, save a.reshape(-1, d); if it is one image or point, a[None]'
  return 'save it with its axes put together, say a.reshape(-1, *a.shape[-3:])'
}
