import { dataError, readBytes, reason } from '../files/read.js'
import { loadSharp, type Sharp } from '../native/sharp.js'

/** 1: luminance; 3: sRGB. */
export type Channels = 1 | 3

export interface DecodedImage {
  readonly width: number
  readonly height: number
  /** `channels * height * width` pixels 0 to 255, plane after plane. */
  readonly planes: readonly Uint8Array[]
}

/**
 * Reads one image file: turned upright by its EXIF orientation, transparency laid on white, of several frames the
 * first, scaled to cover `size` x `size` pixels and cropped around the centre where a size is given.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where it is missing, damaged, or no image
 */
export async function decodeImage(file: string, channels: Channels, size?: number): Promise<DecodedImage> {
  // The bytes, not the path: libvips remembers paths and would return a file's former content.
  const bytes = await readBytes(file)
  const sharp = await loadSharp()
  try {
    return await decode(sharp, bytes, channels, size)
  } catch (cause) {
    throw dataError(file, 'an image', `${bytes.length} bytes that do not decode (${reason(cause)})`, {
      cause,
    })
  }
}

async function decode(sharp: Sharp, bytes: Buffer, channels: Channels, size?: number): Promise<DecodedImage> {
  const image = sharp(bytes, { autoOrient: true }).flatten({ background: '#ffffff' })
  if (size !== undefined) image.resize(size, size, { fit: 'cover', position: 'centre' })
  const { data, info } = await image
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const planes = channels === 1 ? [data] : await separate(sharp, data, width, height)
  return { width, height, planes }
}

/** Interleaved red, green and blue to three planes, natively. */
function separate(sharp: Sharp, data: Buffer, width: number, height: number): Promise<Uint8Array[]> {
  const raw = { width, height, channels: 3 } as const
  return Promise.all(
    ([0, 1, 2] as const).map((channel) => sharp(data, { raw }).extractChannel(channel).raw().toBuffer()),
  )
}
