import { Tensor } from '../tensor/tensor.js'
import { expectOne, type ImageTensor, imageValues } from './images.js'
import type { Measurement } from './measurement.js'
import type { Model } from './model.js'

/**
 * The pixels of an image that a mask leaves as they are.
 * @param mask an item, or one of a single channel: where it is above 0, or a pixel above 127, is to be filled in
 * @throws TypeError for other shapes; RangeError where the mask leaves all or nothing
 */
export async function keptPixels(
  { network: { itemShape } }: Model,
  image: ImageTensor,
  mask: ImageTensor,
): Promise<Measurement> {
  expectOne('image', image, itemShape)
  expectOne('mask', mask, isOfOneChannel(mask) ? [1, ...itemShape.slice(1)] : itemShape)
  const values = await imageValues(image)
  const fills = await imageValues(mask)
  const kept = [...values.keys()].filter((i) => !(fills[i % fills.length]! > 0))
  if (kept.length === 0 || kept.length === values.length) {
    throw new RangeError(
      `Expected mask to be white where the image is filled in and black where it is kept but received one that is all ${kept.length === 0 ? 'white' : 'black'}`,
    )
  }
  const put = (images: Float64Array | Float32Array) => {
    for (let first = 0; first < images.length; first += values.length) {
      for (const i of kept) images[first + i] = values[i]!
    }
  }
  return { guide: put, settle: put }
}

function isOfOneChannel(mask: unknown): boolean {
  return mask instanceof Tensor && mask.shape.length === 4 && mask.shape[1] === 1
}
