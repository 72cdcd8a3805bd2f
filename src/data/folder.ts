import { basename, resolve } from 'node:path'
import { type ImageSize, imageSize } from '../arguments/image-size.js'
import { FUNCTION, oneOf, optionsSchema, parseOptions, SIGNAL, SWITCH } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { dataError } from '../files/read.js'
import type { Dataset } from './dataset.js'
import type { Channels } from './decode.js'
import { decodeAll, type OnReading } from './decode-all.js'
import { describeOthers, findImages, IMAGE_EXTENSIONS, type ImageFiles } from './image-files.js'

/** How the images of a folder are read. */
export interface FolderOptions {
  /**
   * Height and width of the images, 1 to 4096, one number for both: each is scaled (up or down) to cover that and cropped
   * around the centre. Default: the images as they are, which must then all be of one size.
   */
  readonly size?: ImageSize
  /** 3 for colour (grey images get three equal planes), 1 for grey. Default 3. */
  readonly channels?: Channels
  /** Whether images may be mirrored left to right. Default true. */
  readonly mirror?: boolean
  /** Whether files that do not decode are passed over, with a note, rather than an error. Default false. */
  readonly skipBroken?: boolean
  /** Called after each image with how many are read, of how many; before, of files of many images, with bytes of them. */
  readonly onProgress?: OnReading
  /** Ends the reading; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

export const FOLDER_FIELDS = {
  size: imageSize(1),
  channels: oneOf([1, 3]),
  mirror: SWITCH,
  skipBroken: SWITCH,
  onProgress: FUNCTION,
  signal: SIGNAL,
}
const SCHEMA = optionsSchema<FolderOptions>(FOLDER_FIELDS)

/**
 * The images of a folder and of all folders in it (png, jpeg, webp, gif, tiff, avif, bmp), sorted by folder and name,
 * pixels 0 to 255, planar. Files of other names are counted in the data set's notes; names that begin with a dot are
 * passed over.
 *
 * If all images lie in subfolders, the first of these on the way to an image gives its label: its place in the sorted
 * list (left out where there are more than 256 such folders). Images are turned upright by their EXIF orientation;
 * transparency is laid on white; of an animation the first frame is taken.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where there are no images, where some do not decode (all are listed), or the sizes
 *   differ and no size was asked for
 */
export async function folder(path: string, options: FolderOptions = {}): Promise<Dataset> {
  expectPath('path', path)
  const { mirror = true, channels = 3, ...reading } = parseOptions('folder', SCHEMA, options)
  const { signal } = reading
  signal?.throwIfAborted()

  const found = await findImages(path, signal)
  const { files, labels, classes, others } = found
  if (files.length === 0) throw dataError(path, `images (${IMAGE_EXTENSIONS.join(', ')})`, whatElse(found))
  const name = basename(resolve(path))
  const { whole, values, shape, note } = await decodeAll(files, {
    ...reading,
    channels,
    cure: 'mend or remove them, or pass them over (skipBroken, --skip-broken)',
  })
  const notes = [
    ...(others.size > 0 ? [`${name}: passed over ${describeOthers(others)}`] : []),
    ...(note === undefined ? [] : [`${name}: ${note}`]),
  ]
  return {
    name,
    shape,
    count: whole.length,
    values,
    mirror,
    ...(labels && { labels: Uint8Array.from(whole, (index) => labels[index]!) }),
    ...(classes && { classes }),
    ...(notes.length > 0 && { notes }),
  }
}

function whatElse({ others }: ImageFiles): string {
  return others.size === 0 ? 'an empty folder' : `none, only ${describeOthers(others)}`
}
