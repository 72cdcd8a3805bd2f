import { expectRoom } from '../arguments/room.js'
import { integer, number, optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath, product } from '../check.js'
import { writeWhole } from '../files/whole-file.js'
import type { NativePicture, TensorHandle } from '../native/addon.js'
import { native } from '../native/native.js'
import { loadSharp } from '../native/sharp.js'

/** How images are laid out in a picture. */
export interface PngOptions {
  /** Images in a row; as near to a square as possible where not given. */
  columns?: number
  /** Pixels a pixel: small images are enlarged to be seen. Chosen by size where not given. */
  zoom?: number
  /** Pixels of white between images and around them, 0 to 1024; half of the zoom where not given. */
  gap?: number
  /** For points: half the width of the square that is drawn. 1.25 where not given. */
  extent?: number
}

const PNG_SCHEMA = optionsSchema<PngOptions>({
  columns: integer(1, 10_000),
  zoom: integer(1, 256),
  gap: integer(0, 1024),
  extent: number(Number.MIN_VALUE, Number.MAX_VALUE),
})

/** What a picture is made of; a tensor is such. */
interface Drawable {
  readonly handle: TensorHandle
  readonly shape: readonly number[]
}

const POINT_PICTURE_SIZE = 512

/** The zoom that makes a grid of small images about as large as a screen shows well. */
export function defaultZoom(width: number, columns: number): number {
  return Math.max(1, Math.min(8, Math.floor(800 / (width * columns))))
}

/** Whether items of a shape can be drawn: points in the plane, grey or colour images. */
export function isDrawable(itemShape: readonly number[]): boolean {
  const [channels] = itemShape
  return itemShape.length === 1
    ? channels === 2
    : itemShape.length === 3 && (channels === 1 || channels === 3)
}

/** A tensor as pixels. @throws TypeError where its shape is not that of images or points */
export async function draw(tensor: Drawable, options: PngOptions): Promise<NativePicture> {
  const [count = 0, ...itemShape] = tensor.shape
  const [, , width] = itemShape
  if (!isDrawable(itemShape) || (width !== undefined && count < 1)) {
    throw new TypeError(
      `Expected images of shape [n, 1 or 3, height, width] or points of shape [n, 2] but received [${tensor.shape.join(', ')}]`,
    )
  }
  if (width === undefined) {
    const { extent = 1.25 } = options
    return native().pointDensity(tensor.handle, POINT_PICTURE_SIZE, extent)
  }
  const { columns = Math.ceil(Math.sqrt(count)) } = options
  const { zoom = defaultZoom(width, Math.min(columns, count)) } = options
  const { gap = Math.max(1, Math.round(zoom / 2)) } = options
  expectRoom(count * product(itemShape) * zoom ** 2, 'picture')
  return native().imageGrid(tensor.handle, columns, zoom, gap)
}

/** A picture of each image, of its own pixels alone. @throws TypeError where the shape is not that of images */
export async function drawEach(tensor: Drawable): Promise<NativePicture[]> {
  const { pixels, width, height, channels } = await draw(tensor, { columns: 1, zoom: 1, gap: 0 })
  const [count = 0, , own = height] = tensor.shape
  const length = pixels.byteLength / count
  return Array.from({ length: count }, (_, i) => ({
    pixels: pixels.slice(i * length, (i + 1) * length),
    width,
    height: own,
    channels,
  }))
}

/** Writes a tensor's picture; the file appears whole or not at all. */
export async function savePng(tensor: Drawable, path: string, options: PngOptions): Promise<void> {
  expectPath('path', path)
  const parsed = parseOptions('savePng', PNG_SCHEMA, options)
  await writePicture(path, 'png', { picture: await draw(tensor, parsed) })
}

/** Most numbers of a picture that is encoded at once: sharp takes 2 ms of a core for the smallest, .7 of it on this thread. */
const SMALL = 4096

/** The bytes of a picture of pixels, without loss. */
export async function encoded(
  { pixels, width, height, channels }: NativePicture,
  format: 'png' | 'webp',
): Promise<Buffer> {
  if (format === 'png' && pixels.byteLength <= SMALL) {
    const { encode } = await import('fast-png')
    return Buffer.from(encode({ data: new Uint8Array(pixels), width, height, channels }))
  }
  const raw = { width, height, channels: channels as 1 | 3 }
  const sharp = await loadSharp()
  const image = sharp(new Uint8Array(pixels), { raw }).toColourspace(channels === 1 ? 'b-w' : 'srgb')
  return (format === 'png' ? image.png() : image.webp({ lossless: true })).toBuffer()
}

/**
 * Writes pixels as a file that appears whole or not at all.
 * @param drawn the pixels; with a page height they are the pages of an animation, one below another
 * @param delays how long each page is shown, in ms
 */
export async function writePicture(
  path: string,
  format: 'png' | 'webp' | 'gif',
  { picture, pageHeight }: { picture: NativePicture; pageHeight?: number },
  delays: number[] = [],
): Promise<void> {
  const { pixels, width, height, channels } = picture
  const pages = pageHeight === undefined ? {} : { pageHeight }
  const raw = { width, height, channels: channels as 1 | 3, ...pages }
  const sharp = await loadSharp()
  const image = sharp(new Uint8Array(pixels), { raw }).toColourspace(channels === 1 ? 'b-w' : 'srgb')
  if (format === 'png') image.png()
  else if (format === 'gif') image.gif({ delay: delays, loop: 0 })
  else image.webp({ delay: delays, loop: 0, lossless: true })
  await writeWhole(path, async (temporary) => {
    await image.toFile(temporary)
  })
}
