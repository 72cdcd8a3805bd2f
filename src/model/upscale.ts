import { unexpected } from '../check.js'
import { Tensor } from '../tensor/tensor.js'
import { expectOne, type ImageTensor, imageValues } from './images.js'
import type { Measurement } from './measurement.js'
import type { Model } from './model.js'

/**
 * The means of the square blocks of an image that a smaller one has as its pixels.
 * @throws TypeError where it is not smaller by a whole factor, the same in height and width
 */
export async function blockMeans(
  { network: { itemShape } }: Model,
  image: ImageTensor,
): Promise<Measurement> {
  const factor = factorOf(image, itemShape)
  const [channels = 0, height = 0, width = 0] = itemShape
  expectOne('image', image, [channels, height / factor, width / factor])
  const means = await imageValues(image)
  const blocks = [...means.keys()].map((i) => blockOf(i, width, factor))
  const size = channels * height * width
  const each = (images: Float64Array | Float32Array, change: typeof shift) => {
    for (let first = 0; first < images.length; first += size) {
      const one = images.subarray(first, first + size)
      for (const [i, block] of blocks.entries()) change(one, block, means[i]!)
    }
  }
  return { guide: (images) => each(images, shift), settle: (samples) => each(samples, shiftWithin) }
}

/** How many times smaller an image is. */
function factorOf(image: ImageTensor, itemShape: readonly number[]): number {
  if (!(image instanceof Tensor)) throw new TypeError(unexpected('image', 'a tensor', image))
  const [channels, height = 0, width = 0] = itemShape
  if (itemShape.length !== 3) {
    throw new TypeError(
      `Expected a model of images, [channels, height, width], to upscale with but received one of [${itemShape.join(', ')}]`,
    )
  }
  const factor = height / (image.shape[2] ?? 0)
  if (Number.isInteger(factor) && factor >= 2 && width / (image.shape[3] ?? 0) === factor) return factor
  throw new TypeError(
    `Expected image to be [1, ${channels}, ${height} / f, ${width} / f] for a whole number f of at least 2 but received [${image.shape.join(', ')}]`,
  )
}

/** The places of the pixels of block i among those of an image `width` wide, channel after channel. */
function blockOf(i: number, width: number, factor: number): number[] {
  const across = width / factor
  const [row, column] = [Math.floor(i / across), i % across]
  return Array.from({ length: factor * factor }, (_, j) => {
    const [y, x] = [row * factor + Math.floor(j / factor), column * factor + (j % factor)]
    return y * width + x
  })
}

type Values = Float64Array | Float32Array

/** Gives a block a mean by the same shift for all its pixels, the least change that does. */
function shift(image: Values, block: readonly number[], mean: number): void {
  const now = block.reduce((sum, place) => sum + image[place]!, 0) / block.length
  for (const place of block) image[place]! += mean - now
}

/** Halvings after which no double changes. */
const HALVINGS = 60

/** The same with values that stay in the range of pixels, as those beyond would be cut off in a picture. */
function shiftWithin(image: Values, block: readonly number[], mean: number): void {
  const [least, most] = [Math.min(-1, mean), Math.max(1, mean)]
  const values = block.map((place) => image[place]!)
  const shifted = (by: number) => values.map((value) => Math.min(most, Math.max(least, value + by)))
  let [low, high] = [least - Math.max(...values), most - Math.min(...values)]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    const sum = shifted(middle).reduce((total, value) => total + value, 0)
    if (sum < mean * values.length) low = middle
    else high = middle
  }
  for (const [j, value] of shifted(high).entries()) image[block[j]!] = value
}
