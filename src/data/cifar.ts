import { allocateBytes } from '../arguments/room.js'
import { oneOf, optionsSchema, parseOptions } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { readCifar } from './cifar-files.js'
import {
  CIFAR10,
  CIFAR100,
  type CifarBatch,
  type CifarFormat,
  type CifarLabel,
  PIXELS,
} from './cifar-format.js'
import type { Dataset } from './dataset.js'
import { SPLIT_FIELDS, type Split } from './split.js'

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

/**
 * CIFAR-10 in its binary version or that for Python: colour images 3 x 32 x 32, pixels 0 to 255, labels 0 to 9.
 *
 * @param path the archive as published (`cifar-10-binary.tar.gz`, `cifar-10-python.tar.gz`), the folder that it is unpacked
 *   to (or the folder above it), or one file of the binary version
 * @throws PfgmError `ERR_PFGM_DATA` where a file is missing, no whole number of records, or holds an unknown label
 */
export async function cifar10(path: string, options: Cifar10Options = {}): Promise<Dataset> {
  const label = { offset: 0, classes: 10, python: 'labels', names: CIFAR10_CLASSES }
  return read(CIFAR10, path, parseOptions('cifar10', CIFAR10_SCHEMA, options), label)
}

/**
 * CIFAR-100 in its binary version or that for Python: colour images 3 x 32 x 32, pixels 0 to 255, labels 0 to 99 (or 0 to
 * 19, the coarse ones), with their names where these are beside the images.
 *
 * @param path the archive as published, the folder that it is unpacked to (or the folder above it), or one file of the
 *   binary version
 * @throws PfgmError `ERR_PFGM_DATA` where a file is missing, no whole number of records, or holds an unknown label
 */
export async function cifar100(path: string, options: Cifar100Options = {}): Promise<Dataset> {
  const parsed = parseOptions('cifar100', CIFAR100_SCHEMA, options)
  const { classes = 'fine' } = parsed
  const count = classes === 'fine' ? 100 : 20
  const label = { offset: classes === 'fine' ? 1 : 0, classes: count, python: `${classes}_labels` }
  return read(CIFAR100, path, parsed, label)
}

async function read(
  format: CifarFormat,
  path: string,
  options: Cifar10Options,
  label: CifarLabel,
): Promise<Dataset> {
  const { split = 'train', mirror = true } = options
  expectPath('path', path)
  const { batches, names = label.names } = await readCifar(format, path, split, label)
  const count = batches.reduce((sum, { labels }) => sum + labels.length, 0)
  const values = allocateBytes(count * PIXELS, path)
  const labels = new Uint8Array(count)
  let first = 0
  for (const batch of batches) {
    put(batch, values, labels, first)
    first += batch.labels.length
  }
  return { name: format.name, shape: SHAPE, count, values, labels, mirror, ...(names && { classes: names }) }
}

function put(batch: CifarBatch, values: Uint8Array, labels: Uint8Array, first: number): void {
  values.set(batch.pixels, first * PIXELS)
  labels.set(batch.labels, first)
}
