import { mkdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { CACHE_FIX, cacheRoot, removeLeftovers } from '../../../scripts/install/cache.js'
import { sides } from '../../arguments/image-size.js'
import { optionsSchema, parseOptions } from '../../arguments/schema.js'
import { expectPath } from '../../check.js'
import { PfgmError } from '../../errors.js'
import { dataError, reason } from '../../files/read.js'
import { brokenError, brokenNote } from '../broken.js'
import type { Dataset, MappedValues } from '../dataset.js'
import { FOLDER_FIELDS, type FolderOptions } from '../folder.js'
import { labelsOf } from './classes.js'
import { type DecodePackedOptions, decodePacked } from './decode-packed.js'
import type { PackedFormat, PackedSource } from './format.js'
import { PACKED_FORMATS } from './formats.js'
import { type Kept, Place } from './kept.js'
import { keyOf } from './key.js'
import { PartialImages } from './partial.js'
import { shardsOf } from './shards.js'

/** As those of a folder; files of many images have no options of their own. */
export type PackedOptions = FolderOptions

const SCHEMA = optionsSchema<PackedOptions>(FOLDER_FIELDS)

/** What was decoded, or its labels read, otherwise counts as other data. */
const VERSION = 2

/**
 * The images of zip archives, pixels 0 to 255, planar, in the order of their names. `dataset.json` has the labels, as
 * EDM's dataset_tool writes it; where it is missing, folders are the classes.
 *
 * Images are decoded once, into a file in the cache that is mapped, so they may be more than memory holds; the same
 * content is found there again, and what was interrupted goes on. Images as they are may have 2^24 pixels, those that are
 * scaled 5e7.
 *
 * @param path an archive, a folder of such, or a pattern: `{000..146}.zip`, `train-*.zip`
 * @throws PfgmError `ERR_PFGM_DATA` where a file is missing or damaged, where some images do not decode (all are counted),
 *   or the sizes differ and no size was asked for; `ERR_PFGM_IO` where the cache cannot be written
 */
export function zip(path: string, options: PackedOptions = {}): Promise<Dataset<MappedValues>> {
  return packed(PACKED_FORMATS.zip, path, options)
}

/**
 * The images of tar archives, plain or gzipped, as WebDataset has them: files of a sample are alike up to the first dot of
 * their names, `.cls` or `.json` has its class. Otherwise as `zip`.
 */
export function tar(path: string, options: PackedOptions = {}): Promise<Dataset<MappedValues>> {
  return packed(PACKED_FORMATS.tar, path, options)
}

/**
 * The images of Parquet files as Hugging Face's datasets have them: a column of images, structures of `bytes` and `path`,
 * and one of labels, whose names are in the files. Otherwise as `zip`.
 */
export function parquet(path: string, options: PackedOptions = {}): Promise<Dataset<MappedValues>> {
  return packed(PACKED_FORMATS.parquet, path, options)
}

/** The images of files of a format. */
export async function packed(
  format: PackedFormat,
  path: string,
  options: PackedOptions,
): Promise<Dataset<MappedValues>> {
  const parsed = parseOptions(format.name, SCHEMA, options)
  expectPath('path', path)
  const { mirror = true, channels = 3, size, skipBroken = false, onProgress, signal } = parsed
  signal?.throwIfAborted()
  const { paths, note } = await shardsOf(format, path)
  const how = {
    version: VERSION,
    format: format.name,
    channels,
    size: size === undefined ? null : sides(size),
  }
  const key = await keyOf(paths, how, onProgress, signal)
  const folder = join(cacheRoot(), 'data', 'pixels')
  const place = new Place(folder, key)
  const decoding = { size, channels, onProgress, signal }
  const kept =
    (await place.read()) ??
    (await keptBy(place, folder, signal, () => decoded(format, path, paths, place, decoding)))
  const broken = {
    count: kept.broken.length,
    messages: kept.messages.map((text) => renamed(text, kept.paths, paths)),
  }
  if (broken.count > 0 && !skipBroken) throw brokenError(broken, kept.next, CURE)
  const notes = [
    ...(note === undefined ? [] : [note]),
    ...kept.notes,
    ...(broken.count > 0 ? [brokenNote(broken, kept.next)] : []),
  ]
  const name = nameOf(path, format)
  const shape = [channels, kept.height, kept.width]
  return {
    name,
    shape,
    count: kept.whole,
    values: {
      path: place.values,
      offset: 0,
      dtype: 'uint8',
      length: kept.whole * channels * kept.height * kept.width,
    },
    mirror,
    ...(kept.labels !== undefined && { labels: new Uint8Array(Buffer.from(kept.labels, 'base64')) }),
    ...(kept.classes && { classes: kept.classes }),
    ...(notes.length > 0 && { notes: notes.map((text) => `${name}: ${text}`) }),
  }
}

const CURE = 'mend or remove them, or pass them over (skipBroken, --skip-broken)'

/** What another process keeps meanwhile, or else some work. */
async function keptBy(
  place: Place,
  folder: string,
  signal: AbortSignal | undefined,
  work: () => Promise<Kept>,
): Promise<Kept> {
  try {
    await mkdir(folder, { recursive: true })
    removeLeftovers(folder)
  } catch (cause) {
    const message = `Could not write to ${folder}: ${reason(cause)}; ${CACHE_FIX}`
    throw new PfgmError('ERR_PFGM_IO', message, { cause })
  }
  return place.alone(signal, async () => (await place.read()) ?? work())
}

/** Decodes what the cache does not have. Of data that is damaged nothing stays there. */
async function decoded(
  format: PackedFormat,
  path: string,
  paths: readonly string[],
  place: Place,
  options: DecodePackedOptions,
): Promise<Kept> {
  await using source = await format.open(paths, options)
  if (source.count === 0) throw dataError(path, `images in ${format.title}`, `none${alsoFound(source)}`)
  await using partial = await PartialImages.open(place.partial, options.channels)
  try {
    await decodePacked(source, partial, options)
    const { progress } = partial
    if (progress.next !== source.count) {
      throw dataError(path, `${source.count} images`, `${progress.next}: it changed while being read`)
    }
    const { broken, messages } = progress
    if (progress.whole === 0) throw brokenError({ count: broken.length, messages }, source.count)
    await partial.publish(place.values)
  } catch (error) {
    if (error instanceof PfgmError && error.code === 'ERR_PFGM_DATA') await partial.remove()
    else await partial.note().catch(() => {}) // what went wrong is thrown
    throw error
  }
  const kept = {
    ...partial.progress,
    channels: options.channels,
    ...about(source, partial),
    paths: [...paths],
  }
  await place.write(kept)
  return kept
}

function alsoFound({ notes }: PackedSource): string {
  return notes.length === 0 ? '' : `, only what was ${notes.join('; ')}`
}

/** What a source says of its images, as far as these are whole. */
function about(
  source: PackedSource,
  { progress }: PartialImages,
): Pick<Kept, 'labels' | 'classes' | 'notes'> {
  const { labels, classes, note } = labelsOf(source.labels, source.classes)
  const broken = new Set(progress.broken)
  return {
    ...(labels && {
      labels: Buffer.from(labels.filter((_, place) => !broken.has(place))).toString('base64'),
    }),
    ...(classes && { classes: [...classes] }),
    notes: [...source.notes, ...(note === undefined ? [] : [note])],
  }
}

/** A message about files that may since have been moved. */
function renamed(message: string, from: readonly string[], to: readonly string[]): string {
  const i = from.findIndex((path) => message.startsWith(path))
  return i < 0 ? message : to[i]! + message.slice(from[i]!.length)
}

/** What a run is called by: the last name of the path, up to where a pattern begins. */
function nameOf(path: string, { ending }: PackedFormat): string {
  const whole = resolve(path)
  const [name = ''] = basename(whole).replace(ending, '').split(/[{*]/)
  return name.replace(/[-_.]+$/, '') || basename(dirname(whole)).split(/[{*]/)[0] || 'images'
}
