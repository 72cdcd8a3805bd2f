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
  readonly features: Features
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
    const parts = files.map((file): Part => {
      const features = featuresOf(file)
      return { file, features, ...columnsOf(file, features) }
    })
    const classes = classesOf(parts)
    const labels = await labelsOf(parts, signal)
    return {
      count: parts.reduce((sum, { file }) => sum + file.rows, 0),
      ...(labels && { labels }),
      ...(classes && { classes }),
      notes: notesOf(parts[0]!),
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

function columnsOf({ path, columns }: ParquetFile, features: Features): Pick<Part, 'image' | 'label'> {
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

/**
 * The names of the classes.
 * @throws PfgmError `ERR_PFGM_DATA` where files that are read together differ in them: a number would stand for several
 */
function classesOf(parts: readonly Part[]): readonly string[] | undefined {
  const labelled = parts.filter(({ label }) => label !== undefined)
  expectAlike(labelled, ({ label }) => `labels in column ${label!.path[0]}`)
  expectAlike(labelled, ({ label }) => `labels that are ${label!.type === 'BYTE_ARRAY' ? 'text' : 'numbers'}`)
  const named = labelled.filter((part) => namesOf(part) !== undefined)
  expectAlike(named, (part) => `${namesOf(part)!.length} classes`)
  const names = named[0] && namesOf(named[0])
  for (const i of names?.keys() ?? []) {
    expectAlike(named, (part) => `class ${i} to be ${JSON.stringify(namesOf(part)![i])}`)
  }
  return names
}

function namesOf({ label, features }: Part): readonly string[] | undefined {
  return features[label?.path[0] ?? '']?.names
}

function expectAlike(parts: readonly Part[], tell: (part: Part) => string): void {
  const [first, ...others] = parts
  const other = others.find((part) => tell(part) !== tell(first!))
  if (other === undefined) return
  throw dataError(
    other.file.path,
    `${tell(first!)}, as in ${first!.file.path},`,
    `${tell(other)}: write all files with the same classes, or read them apart`,
  )
}

/** Of several columns of classes one is read. */
function notesOf({ label, features }: Part): string[] {
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
