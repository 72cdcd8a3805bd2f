import type { z } from 'zod'
import { kind } from './schema.js'

/** Height and width of images, in pixels. */
export type ImageSides = readonly [height: number, width: number]
/** In pixels; one number for both sides of square images. */
export type ImageSize = number | ImageSides

const LARGEST = 4096

/** An image size of at least so many pixels a side. */
export function imageSize(least: number): z.ZodType<ImageSize, ImageSize> {
  const error = `an integer from ${least} to ${LARGEST}, or two of them, the height and the width,`
  const isSide = (side: unknown): boolean =>
    Number.isInteger(side) && (side as number) >= least && (side as number) <= LARGEST
  const side = { type: 'integer', minimum: least, maximum: LARGEST }
  return kind<ImageSize>(error, (size) => typeof size === 'number' || Array.isArray(size))
    .refine((size) => isSide(size) || (Array.isArray(size) && size.length === 2 && size.every(isSide)), {
      error,
    })
    .meta({ anyOf: [side, { type: 'array', items: side, minItems: 2, maxItems: 2 }] }) // as JSON Schema
}

export function sides(size: ImageSize): ImageSides {
  return typeof size === 'number' ? [size, size] : size
}

/** One number where that says it. */
export function imageSizeOf([height, width]: ImageSides): ImageSize {
  return height === width ? height : [height, width]
}

/** As people say it, the width first: `64 x 48`. */
export function pictured([height, width]: ImageSides): string {
  return `${width} x ${height}`
}

/** How to bring pictures to a size. */
export function sizeAdvice([height, width]: ImageSides): string {
  const flag = height === width ? `--size ${height}` : `--size ${width}x${height}`
  return `${pictured([height, width])} (\`${flag}\` does it for a folder of pictures)`
}
