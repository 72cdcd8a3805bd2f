import { z } from 'zod'
import { titleOf } from '../../files/entry-names.js'
import { isParquet, type ParquetColumn, ParquetFile, type ParquetValue } from '../../files/parquet.js'
import { dataError } from '../../files/read.js'
import {
  LARGEST_IMAGE,
  type Listening,
  type PackedFormat,
  type PackedImage,
  type PackedLabel,
  type PackedSource,
} from './format.js'

/**
 * Files as Hugging Face's datasets write them: a column of images, structures of `bytes` and `path`, or the bytes
 * themselves, and one of labels, whose names are in the files' metadata.
 */
export const PARQUET: PackedFormat = {
  name: 'parquet',
  title: 'a Parquet file',
  ending: /\.parquet$/i,
  begins: isParquet,
  open,
}

/** Where nothing says which columns these are. */
const IMAGE_NAMES = ['image', 'img', 'jpg', 'png', 'webp', 'bytes']
const LABEL_NAMES = ['label', 'labels', 'fine_label', 'class', 'cls']

/** What the writer notes of columns. */
const FEATURES = z.object({
  info: z.object({
    features: z.record(
      z.string(),
      z.looseObject({ _type: z.string().optional(), names: z.array(z.string()).optional() }),
    ),
  }),
})
type Features = z.infer<typeof FEATURES>['info']['features']

interface Part {
  readonly file: ParquetFile
  readonly image: ParquetColumn
  readonly label: ParquetColumn | undefined
}

async function open(paths: readonly string[], { signal }: Listening): Promise<PackedSource> {
  const files: ParquetFile[] = []
  const close = async (): Promise<void> => {
    for (const file of files) await file[Symbol.asyncDispose]()
  }
  try {
    for (const path of paths) files.push(await ParquetFile.open(path))
    const features = featuresOf(files[0]!)
    const parts = files.map((file): Part => ({ file, ...columnsOf(file, featuresOf(file)) }))
    const labels = await labelsOf(parts, signal)
    const [name = ''] = parts[0]?.label?.path ?? []
    const classes = features[name]?.names
    return {
      count: parts.reduce((sum, { file }) => sum + file.rows, 0),
      ...(labels && { labels }),
      ...(classes && { classes }),
      notes: notesOf(parts[0]!, features),
      images: (from) => images(parts, from),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function featuresOf(file: ParquetFile): Features {
  const note = file.note('huggingface')
  if (note === undefined) return {}
  try {
    return FEATURES.parse(JSON.parse(note)).info.features
  } catch (cause) {
    throw dataError(file.path, 'features in the note huggingface', 'something else', { cause })
  }
}

function columnsOf({ path, columns }: ParquetFile, features: Features): Omit<Part, 'file'> {
  const ofType = (type: string): string[] =>
    Object.keys(features).filter((name) => features[name]!._type === type)
  const find = (
    names: readonly string[],
    isOne: (column: ParquetColumn) => boolean,
  ): ParquetColumn | undefined =>
    names.flatMap((name) => columns.filter((column) => column.path[0] === name && isOne(column)))[0]
  const image = find([...ofType('Image'), ...IMAGE_NAMES], isOfImages)
  if (image === undefined) {
    const names = columns.map((column) => column.path.join('.')).join(', ')
    throw dataError(
      path,
      'a column image of bytes, or of structures with bytes',
      `columns ${names || 'of none'}`,
    )
  }
  const label = find(
    [
      ...LABEL_NAMES.filter((name) => features[name]?._type === 'ClassLabel'),
      ...ofType('ClassLabel'),
      ...LABEL_NAMES,
    ],
    isOfLabels,
  )
  return { image, label }
}

function isOfImages({ path, type }: ParquetColumn): boolean {
  return type === 'BYTE_ARRAY' && (path.length === 1 || (path.length === 2 && path[1] === 'bytes'))
}

function isOfLabels({ path, type }: ParquetColumn): boolean {
  return path.length === 1 && ['INT32', 'INT64', 'BYTE_ARRAY'].includes(type)
}

/** Of several columns of classes one is read. */
function notesOf({ label }: Part, features: Features): string[] {
  const [read = ''] = label?.path ?? []
  const others = Object.keys(features).filter(
    (name) => features[name]!._type === 'ClassLabel' && name !== read,
  )
  return read === '' || others.length === 0
    ? []
    : [`labels are those of column ${read}, not of ${others.join(', ')}`]
}

async function labelsOf(parts: readonly Part[], signal?: AbortSignal): Promise<PackedLabel[] | undefined> {
  if (parts.every(({ label }) => label === undefined)) return undefined
  const labels: PackedLabel[] = []
  for (const { file, label } of parts) {
    const first = labels.length
    if (label !== undefined) {
      for await (const { values } of file.pages(label)) {
        signal?.throwIfAborted()
        for (const value of values) labels.push(asLabel(value))
      }
    }
    labels.length = first + file.rows
  }
  return labels
}

function asLabel(value: ParquetValue): PackedLabel {
  if (value === null) return undefined
  return typeof value === 'number' ? value : value.toString()
}

async function* images(parts: readonly Part[], from: number): AsyncGenerator<PackedImage> {
  let first = 0
  for (const { file, image } of parts) {
    const start = Math.max(0, from - first)
    if (start < file.rows) {
      const column = image.path.join('.')
      for await (const { firstRow, offset, values } of file.pages(image, start)) {
        for (const [i, value] of values.entries()) {
          const row = firstRow + i
          if (row < start) continue
          const title = titleOf(file.path, `${column} of row ${row}`, offset)
          yield { title, bytes: checked(title, value) }
        }
      }
    }
    first += file.rows
  }
}

function checked(title: string, value: ParquetValue): Buffer | Error {
  if (value === null || typeof value === 'number' || value.length === 0) {
    return dataError(
      title,
      'the bytes of an image',
      'none: datasets that only name their images are not read',
    )
  }
  return value.length <= LARGEST_IMAGE
    ? value
    : dataError(title, `an image of at most ${LARGEST_IMAGE} bytes`, `${value.length}`)
}
