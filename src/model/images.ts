import { unexpected } from '../check.js'
import { native } from '../native/native.js'
import { Tensor } from '../tensor/tensor.js'

/** Images or points: values in about [-1, 1], or uint8 pixels v, which stand for v / 127.5 - 1. */
export type ImageTensor = Tensor<'float32'> | Tensor<'float64'> | Tensor<'uint8'>

/** The number of images of a tensor that must hold what a model is for. */
export function expectImages(name: string, images: ImageTensor, itemShape: readonly number[]): number {
  if (!(images instanceof Tensor)) throw new TypeError(unexpected(name, 'a tensor', images))
  const [count = 0, ...shape] = images.shape
  if (count < 1 || shape.join() !== itemShape.join() || (images.dtype as string) === 'int64') {
    const expected = `[count, ${itemShape.join(', ')}] of float32, float64 or uint8`
    throw new TypeError(
      `Expected ${name} to be ${expected} but received [${images.shape.join(', ')}] of ${images.dtype}`,
    )
  }
  return count
}

/** Checks a tensor that must hold one of what a model is for. */
export function expectOne(name: string, image: ImageTensor, itemShape: readonly number[]): void {
  if (expectImages(name, image, itemShape) !== 1) {
    throw new TypeError(
      `Expected ${name} to be one image, [${[1, ...itemShape].join(', ')}], but received [${image.shape.join(', ')}]`,
    )
  }
}

/** The values that images stand for. */
export async function imageValues(images: ImageTensor): Promise<Float64Array> {
  using state = await dataState(images)
  return await state.data()
}

/** Data as float64 rows with `extra` zeros at the end. */
export async function dataState(images: ImageTensor, extra = 0): Promise<Tensor<'float64'>> {
  return new Tensor<'float64'>(await native().dataState(images.handle, extra))
}
