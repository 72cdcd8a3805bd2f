import { join } from 'node:path'
import { allocateBytes } from '../arguments/room.js'
import { oneOf, optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { dataError, lookAt, readBytes } from '../files/read.js'
import type { Dataset } from './dataset.js'
import { SPLIT_FIELDS, SPLITS, type Split } from './split.js'

/** Which images of CIFAR are read. */
export interface Cifar10Options {
  /** Which images of a folder to read. Default `train`. */
  readonly split?: Split
  /** Whether images may be mirrored left to right. Default true. */
  readonly mirror?: boolean
}

/** Which images of CIFAR-100 are read, and by which classes. */
export interface Cifar100Options extends Cifar10Options {
  /** `fine`: the 100 classes; `coarse`: the 20 groups of them. Default `fine`. */
  readonly classes?: 'fine' | 'coarse'
}

export const CIFAR100_FIELDS = { ...SPLIT_FIELDS, classes: oneOf(['fine', 'coarse']) }
const CIFAR10_SCHEMA = optionsSchema<Cifar10Options>(SPLIT_FIELDS)
const CIFAR100_SCHEMA = optionsSchema<Cifar100Options>(CIFAR100_FIELDS)

/** How one of the two data sets is stored. A record is its label bytes, then the red, green and blue planes. */
export interface CifarFormat {
  readonly name: 'cifar10' | 'cifar100'
  /** The folder in the published archive. */
  readonly folder: string
  readonly files: Readonly<Record<Split, readonly string[]>>
  readonly labelBytes: number
}

interface LabelByte {
  readonly offset: number
  readonly classes: number
  readonly names?: readonly string[]
}

const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const

const SHAPE = [3, 32, 32] as const
const PIXELS = 3 * 32 * 32

export const CIFAR10: CifarFormat = {
  name: 'cifar10',
  folder: 'cifar-10-batches-bin',
  files: { train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`), test: ['test_batch.bin'] },
  labelBytes: 1,
}

export const CIFAR100: CifarFormat = {
  name: 'cifar100',
  folder: 'cifar-100-binary',
  files: { train: ['train.bin'], test: ['test.bin'] },
  labelBytes: 2,
}

/**
 * CIFAR-10 in its binary version: colour images 3 x 32 x 32, pixels 0 to 255, labels 0 to 9.
 *
 * @param path the folder with `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin` (or the folder above it),
 *   or one such file
 * @throws PfgmError `ERR_PFGM_DATA` where a file is missing, no whole number of records, or holds an unknown label
 */
export async function cifar10(path: string, options: Cifar10Options = {}): Promise<Dataset> {
  return read(CIFAR10, path, parseOptions('cifar10', CIFAR10_SCHEMA, options), {
    offset: 0,
    classes: 10,
    names: CIFAR10_CLASSES,
  })
}

/**
 * CIFAR-100 in its binary version: colour images 3 x 32 x 32, pixels 0 to 255, labels 0 to 99 (or 0 to 19, the
 * coarse ones).
 *
 * @param path the folder with `train.bin` and `test.bin` (or the folder above it), or one such file
 * @throws PfgmError `ERR_PFGM_DATA` where a file is missing, no whole number of records, or holds an unknown label
 */
export async function cifar100(path: string, options: Cifar100Options = {}): Promise<Dataset> {
  const parsed = parseOptions('cifar100', CIFAR100_SCHEMA, options)
  const { classes = 'fine' } = parsed
  const label = classes === 'fine' ? { offset: 1, classes: 100 } : { offset: 0, classes: 20 }
  return read(CIFAR100, path, parsed, label)
}

/** The folder that holds the files of the format: the path itself or the archive's folder in it. */
export async function findCifarFolder(format: CifarFormat, path: string): Promise<string | undefined> {
  for (const folder of [path, join(path, format.folder)]) {
    for (const split of SPLITS) {
      if ((await lookAt(join(folder, format.files[split][0]!)))?.isFile()) return folder
    }
  }
  return undefined
}

/** The bytes of one record. */
export function recordLength(format: CifarFormat): number {
  return format.labelBytes + PIXELS
}

async function read(
  format: CifarFormat,
  path: string,
  options: Cifar10Options,
  label: LabelByte,
): Promise<Dataset> {
  const { split = 'train', mirror = true } = options
  expectPath('path', path)
  const files = await findFiles(format, path, split)
  const counts: number[] = []
  for (const file of files) counts.push(await countRecords(format, file)) // the first that is wrong is the one named
  const count = counts.reduce((sum, records) => sum + records, 0)
  const values = allocateBytes(count * PIXELS, path)
  const labels = new Uint8Array(count)
  let first = 0
  for (const [index, file] of files.entries()) {
    const end = first + counts[index]!
    const into = {
      values: values.subarray(first * PIXELS, end * PIXELS),
      labels: labels.subarray(first, end),
    }
    await readRecords(format, file, label, into)
    first = end
  }
  const { names } = label
  return { name: format.name, shape: SHAPE, count, values, labels, mirror, ...(names && { classes: names }) }
}

async function findFiles(format: CifarFormat, path: string, split: Split): Promise<string[]> {
  if ((await lookAt(path))?.isFile()) return [path]
  const names = format.files[split]
  const folder = await findCifarFolder(format, path)
  if (folder !== undefined) return names.map((name) => join(folder, name))
  throw dataError(path, `a folder with ${names.join(', ')}, or one such file`, await describeFolder(path))
}

/** Says so where the folder is of the Python version, which is easily taken for the binary one. */
async function describeFolder(path: string): Promise<string> {
  if ((await lookAt(path)) === undefined) return 'nothing: there is no such path'
  const pickles = await Promise.all(['data_batch_1', 'train'].map((name) => lookAt(join(path, name))))
  return pickles.some((pickle) => pickle?.isFile())
    ? 'the version for Python; the binary version is needed'
    : 'a folder without them'
}

async function countRecords(format: CifarFormat, file: string): Promise<number> {
  const record = recordLength(format)
  const stats = await lookAt(file)
  if (!stats?.isFile()) throw dataError(file, 'a file', 'nothing: there is no such path')
  if (stats.size > 0 && stats.size % record === 0) return stats.size / record
  throw dataError(file, `a multiple of ${record} bytes (one ${format.name} record)`, `${stats.size}`)
}

/** Splits records into labels and pixels. Record by record: the pixels move in blocks of 3072 bytes. */
async function readRecords(
  format: CifarFormat,
  file: string,
  label: LabelByte,
  into: { values: Uint8Array; labels: Uint8Array },
): Promise<void> {
  const record = recordLength(format)
  const bytes = await readBytes(file)
  if (bytes.length !== into.labels.length * record) {
    throw dataError(
      file,
      `${into.labels.length * record} bytes`,
      `${bytes.length}: it changed while being read`,
    )
  }
  for (let item = 0; item < into.labels.length; item++) {
    const start = item * record
    const value = bytes[start + label.offset]!
    if (value >= label.classes) {
      throw dataError(file, `labels from 0 to ${label.classes - 1}`, `${value} in record ${item}`)
    }
    into.labels[item] = value
    bytes.copy(into.values, item * PIXELS, start + format.labelBytes, start + record)
  }
}
