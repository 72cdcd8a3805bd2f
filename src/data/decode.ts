import { type ImageSize, sides } from '../arguments/image-size.js'
import { dataError, type FilePath, readBytes, reason } from '../files/read.js'
import { loadSharp, type Sharp } from '../native/sharp.js'
import { isBmp, readBmp } from './bmp.js'

/** 1: luminance; 3: sRGB. */
export type Channels = 1 | 3

export interface DecodedImage {
  readonly width: number
  readonly height: number
  /** `channels * height * width` pixels 0 to 255, plane after plane. */
  readonly planes: readonly Uint8Array[]
}

/** What libjpeg says of pixels that are missing or wrong. Its other warnings are of what every viewer shows. */
const DAMAGE = /Corrupt JPEG data: (?!\d+ extraneous bytes)|premature end/i

/** sharp's own limit is 16,383 x 16,383. */
export const MOST_PIXELS = 0x3fff * 0x3fff

const END_OF_JPEG = Buffer.from([0xff, 0xd9])
const FILLING = Buffer.alloc(1024, 0xa5)

/**
 * Reads one image file: turned upright by its EXIF orientation, transparency laid on white, of several frames the
 * first, scaled to cover a size and cropped around the centre where a size is given. Warnings that
 * leave the pixels whole are passed over.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where it is missing, damaged, or no image of 8 or 16 bits a sample
 */
export async function decodeImage(
  file: FilePath,
  channels: Channels,
  size?: ImageSize,
): Promise<DecodedImage> {
  // The bytes, not the path: libvips remembers paths and would return a file's former content.
  return decodeBytes(file, await readBytes(file), channels, size)
}

/**
 * The same of an image's bytes.
 * @param title what messages call it
 * @param mostPixels that it may have, looked at before it is decoded; default sharp's limit, 2^28
 */
export async function decodeBytes(
  title: FilePath,
  bytes: Buffer,
  channels: Channels,
  size?: ImageSize,
  mostPixels = MOST_PIXELS,
): Promise<DecodedImage> {
  const sharp = await loadSharp()
  if (isTiff(bytes)) await expectPixels(sharp, title, bytes)
  try {
    return await decode(sharp, bytes, channels, size, mostPixels)
  } catch (cause) {
    throw dataError(title, 'an image', `${bytes.length} bytes that do not decode (${reason(cause)})`, {
      cause,
    })
  }
}

/**
 * How opaque an image's pixels are, 0 to 255, of its first frame; 255 where the format knows no transparency.
 * @throws PfgmError `ERR_PFGM_DATA` where the bytes are no image, or of more pixels than it may have
 */
export async function decodeOpacity(
  title: FilePath,
  bytes: Buffer,
  mostPixels = MOST_PIXELS,
): Promise<Uint8Array> {
  const sharp = await loadSharp()
  try {
    return await sharp(bytes, { autoOrient: true, limitInputPixels: mostPixels })
      .ensureAlpha()
      .extractChannel('alpha')
      .toColourspace('b-w')
      .raw({ depth: 'uchar' })
      .toBuffer()
  } catch (cause) {
    throw dataError(title, 'an image', `${bytes.length} bytes that do not decode (${reason(cause)})`, {
      cause,
    })
  }
}

function isTiff(bytes: Buffer): boolean {
  return ['II', 'MM'].includes(bytes.toString('latin1', 0, 2))
}

/** Other samples would be cut off to black or white: nothing says what is white. */
async function expectPixels(sharp: Sharp, file: FilePath, bytes: Buffer): Promise<void> {
  const { depth } = await sharp(bytes)
    .metadata()
    .catch(() => ({ depth: undefined })) // decoding says what is wrong
  if (depth === undefined || depth === 'uchar' || depth === 'ushort') return
  throw dataError(
    file,
    'an image of unsigned samples of 8 or 16 bits',
    `samples of type ${depth}: convert it, with values from 0 to 255 or 65535`,
  )
}

async function decode(
  sharp: Sharp,
  bytes: Buffer,
  channels: Channels,
  size: ImageSize | undefined,
  limitInputPixels: number,
): Promise<DecodedImage> {
  if (isBmp(bytes)) {
    const { data, ...raw } = readBmp(bytes, limitInputPixels)
    return render(sharp, sharp(data, { raw: { ...raw, channels: 3 } }), channels, size)
  }
  const source = isUnended(bytes) ? await ended(sharp, bytes, limitInputPixels) : bytes
  const open = (failOn: 'warning' | 'error') => sharp(source, { autoOrient: true, failOn, limitInputPixels })
  try {
    return await render(sharp, open('warning'), channels, size)
  } catch (cause) {
    if (DAMAGE.test(reason(cause))) throw cause
    return render(sharp, open('error'), channels, size)
  }
}

/** Whether the bytes are a JPEG without the marker at its end. */
function isUnended(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && !bytes.subarray(-2).equals(END_OF_JPEG)
}

/**
 * The bytes with the marker at the end. If more than that is missing, pixels are made of whatever follows: libjpeg
 * takes zeros for what is not there, so other bytes give another image.
 */
async function ended(sharp: Sharp, bytes: Buffer, limitInputPixels: number): Promise<Buffer> {
  const whole = Buffer.concat([bytes, END_OF_JPEG])
  const longer = Buffer.concat([bytes, FILLING, END_OF_JPEG])
  const pixels = (from: Buffer): Promise<Buffer> =>
    sharp(from, { failOn: 'none', limitInputPixels }).raw().toBuffer()
  if (!(await pixels(whole)).equals(await pixels(longer))) throw new Error('JPEG that is cut short')
  return whole
}

async function render(
  sharp: Sharp,
  source: ReturnType<Sharp>,
  channels: Channels,
  size?: ImageSize,
): Promise<DecodedImage> {
  const image = source.flatten({ background: '#ffffff' })
  if (size !== undefined) {
    const [height, width] = sides(size)
    image.resize(width, height, { fit: 'cover', position: 'centre' })
  }
  const { data, info } = await image
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const planes = channels === 1 ? [data] : await separate(sharp, data, width, height)
  return { width, height, planes }
}

/** Up to so many pixels, three native calls cost more than the loop. */
const FEW_PIXELS = 2 ** 14

/** Interleaved red, green and blue to three planes, natively where there are many. */
async function separate(sharp: Sharp, data: Buffer, width: number, height: number): Promise<Uint8Array[]> {
  if (width * height <= FEW_PIXELS) return [0, 1, 2].map((channel) => everyThird(data, channel))
  const raw = { width, height, channels: 3 } as const
  return Promise.all(
    ([0, 1, 2] as const).map((channel) => sharp(data, { raw }).extractChannel(channel).raw().toBuffer()),
  )
}

function everyThird(data: Buffer, first: number): Buffer {
  const plane = Buffer.alloc(data.length / 3)
  for (let i = 0, from = first; i < plane.length; i++, from += 3) plane[i] = data[from]!
  return plane
}
