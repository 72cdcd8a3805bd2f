import type { Split } from './split.js'

/** How one of the two data sets is published: twice, as records and as pickles of Python. */
export interface CifarFormat {
  readonly name: 'cifar10' | 'cifar100'
  readonly binary: CifarVersion
  readonly python: CifarVersion
  /** A record is so many bytes of labels, then the red, green and blue planes. */
  readonly labelBytes: number
}

export interface CifarVersion {
  /** The folder in the published archive. */
  readonly folder: string
  readonly files: Readonly<Record<Split, readonly string[]>>
  /** What is beside them, where their own names could be anything's. */
  readonly beside?: string
}

/** The images of a file. */
export interface CifarBatch {
  readonly labels: Uint8Array
  /** Image after image, planar. */
  readonly pixels: Uint8Array
}

/** Which of the labels are wanted, and where they are. */
export interface CifarLabel {
  /** In a record. */
  readonly offset: number
  /** In a pickle. */
  readonly python: string
  /** How many classes there are. */
  readonly classes: number
  readonly names?: readonly string[]
}

/** Of an image. */
export const PIXELS = 3 * 32 * 32

const BATCHES = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}`)

export const CIFAR10: CifarFormat = {
  name: 'cifar10',
  binary: {
    folder: 'cifar-10-batches-bin',
    files: { train: BATCHES.map((name) => `${name}.bin`), test: ['test_batch.bin'] },
  },
  python: { folder: 'cifar-10-batches-py', files: { train: BATCHES, test: ['test_batch'] } },
  labelBytes: 1,
}

export const CIFAR100: CifarFormat = {
  name: 'cifar100',
  binary: { folder: 'cifar-100-binary', files: { train: ['train.bin'], test: ['test.bin'] } },
  python: { folder: 'cifar-100-python', files: { train: ['train'], test: ['test'] }, beside: 'meta' },
  labelBytes: 2,
}

/** The bytes of one record. */
export function recordLength(format: CifarFormat): number {
  return format.labelBytes + PIXELS
}
