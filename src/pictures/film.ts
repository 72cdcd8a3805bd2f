import { extname } from 'node:path'
import { z } from 'zod'
import { allocateBytes } from '../arguments/room.js'
import { integer, kind, optionsSchema, parse, parseOptions } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import type { NativePicture } from '../native/addon.js'
import type { Film } from '../ode/pool/film.js'
import { defaultZoom, draw, writePicture } from '../tensor/picture.js'
import { TENSOR } from '../tensor/tensor.js'

/** What a film can be written as, by the name's end: a strip, or an animation. */
export const FILM_EXTENSIONS = ['.png', '.webp', '.gif'] as const

/** How a film is shown. */
export interface FilmPictureOptions {
  /** Animation: images in a row; as near to a square as possible where not given. */
  columns?: number
  /** Animation: how long a frame is shown, 10 to 10,000 ms; the last stays 15 times as long. Default 80. */
  delay?: number
}

const PICTURE_SCHEMA = optionsSchema<FilmPictureOptions>({
  columns: integer(1, 10_000),
  delay: integer(10, 10_000),
})

const FILM_SCHEMA = z.object({
  images: TENSOR,
  heights: kind<Float64Array>('a Float64Array', (value) => value instanceof Float64Array),
})

const LAST_FRAME = 15

/**
 * Draws a film: as `.png` a strip with a sample in each row (points: all samples at once) and a frame in each column, as
 * `.webp` or `.gif` an animation that shows all samples at once. The file appears whole or not at all.
 * @throws TypeError for another ending or samples that cannot be drawn; PfgmError `ERR_PFGM_IO` where the file cannot be
 *   written
 */
export async function saveFilm(film: Film, path: string, options: FilmPictureOptions = {}): Promise<void> {
  parse('film', FILM_SCHEMA, film)
  expectPath('path', path)
  const extension = extname(path).toLowerCase()
  if (!(FILM_EXTENSIONS as readonly string[]).includes(extension)) {
    throw new TypeError(`Expected path to end in one of ${FILM_EXTENSIONS.join(', ')} but received ${path}`)
  }
  const { columns, delay = 80 } = parseOptions('saveFilm', PICTURE_SCHEMA, options)
  if (extension === '.png') return writePicture(path, 'png', sideBySide(await pictures(film, { columns: 1 })))
  const frames = await pictures(film, columns === undefined ? {} : { columns })
  const delays = frames.map((_, i) => (i === frames.length - 1 ? LAST_FRAME * delay : delay))
  const animated = oneBelowAnother(frames)
  await writePicture(path, extension === '.gif' ? 'gif' : 'webp', animated, delays)
}

/** A picture of all samples, for each frame. */
async function pictures({ images, heights }: Film, layout: { columns?: number }): Promise<NativePicture[]> {
  const [count = 0, frames = 0, ...itemShape] = images.shape
  const [, , width = 0] = itemShape
  const across = layout.columns === 1 ? frames : (layout.columns ?? Math.ceil(Math.sqrt(count)))
  const zoom = width === 0 ? {} : { zoom: defaultZoom(width, across) }
  const drawn: NativePicture[] = []
  for (const frame of heights.keys()) {
    using some = await images.select(1, frame)
    drawn.push(await draw(some, { ...layout, ...zoom }))
  }
  return drawn
}

function oneBelowAnother(frames: readonly NativePicture[]): { picture: NativePicture; pageHeight: number } {
  const [{ width, height, channels } = noFrames()] = frames
  const pixels = allocateBytes(frames.length * width * height * channels, 'animation')
  for (const [i, { pixels: page }] of frames.entries()) pixels.set(new Uint8Array(page), i * page.byteLength)
  const picture = { pixels: pixels.buffer, width, height: height * frames.length, channels }
  return { picture, pageHeight: height }
}

function sideBySide(frames: readonly NativePicture[]): { picture: NativePicture } {
  const [{ width, height, channels } = noFrames()] = frames
  const line = width * channels
  const pixels = allocateBytes(frames.length * height * line, 'strip of frames')
  for (const [i, { pixels: page }] of frames.entries()) {
    for (let y = 0; y < height; y++) {
      pixels.set(new Uint8Array(page, y * line, line), (y * frames.length + i) * line)
    }
  }
  return { picture: { pixels: pixels.buffer, width: width * frames.length, height, channels } }
}

function noFrames(): never {
  throw new RangeError('Expected film to have at least one frame but received none')
}
