import { join } from 'node:path'
import { cacheRoot } from '../../scripts/install/cache.js'
import { optionsSchema, parseOptions } from '../arguments/schema.js'
import { PfgmError } from '../errors.js'
import { lookAt } from '../files/read.js'
import type { Dataset } from './dataset.js'
import { idx } from './idx.js'
import { SPLIT_FIELDS, type Split } from './split.js'

/** Which images of MNIST or Fashion-MNIST are read. */
export interface MnistOptions {
  /** The 60,000 images to train on, or the 10,000 to test with. Default `train`. */
  readonly split?: Split
  /** Whether images may be mirrored left to right. Default false. */
  readonly mirror?: boolean
}

const SCHEMA = optionsSchema<MnistOptions>(SPLIT_FIELDS)

/** The four files of MNIST and of what is published in its form. */
const FILES = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const
const COUNTS = { train: 60_000, test: 10_000 } as const

/** A published data set in MNIST's form. */
export interface MnistKind {
  readonly title: string
  readonly classes: readonly string[]
  /** Where others keep it: torchvision below its root, and a package of Debian's. */
  readonly torchvision: string
  readonly debian?: string
  /** Folders on the web with the gzipped files, the first that answers is taken. */
  readonly addresses: readonly string[]
  /** MD5 of the files, gzipped as they were published or unpacked. */
  readonly sums: { readonly of: 'gzipped' | 'unpacked'; readonly md5: Readonly<Record<string, string>> }
}

export const MNIST_KINDS = {
  mnist: {
    title: 'MNIST',
    classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    torchvision: 'MNIST/raw',
    addresses: [
      'https://ossci-datasets.s3.amazonaws.com/mnist/',
      'https://storage.googleapis.com/cvdf-datasets/mnist/',
    ],
    sums: {
      of: 'gzipped',
      md5: {
        'train-images-idx3-ubyte': 'f68b3c2dcbeaaa9fbdd348bbdeb94873',
        'train-labels-idx1-ubyte': 'd53e105ee54ea40749a09fcbcd1e9432',
        't10k-images-idx3-ubyte': '9fb629c4189551a2d022fa330f9573f3',
        't10k-labels-idx1-ubyte': 'ec29112dd5afa0611ce80d1b7f02629c',
      },
    },
  },
  fashion: {
    title: 'Fashion-MNIST',
    classes: [
      'T-shirt',
      'trouser',
      'pullover',
      'dress',
      'coat',
      'sandal',
      'shirt',
      'sneaker',
      'bag',
      'ankle boot',
    ],
    torchvision: 'FashionMNIST/raw',
    debian: '/usr/share/datasets/fashion-mnist',
    addresses: [
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
      'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/',
    ],
    sums: {
      of: 'unpacked',
      md5: {
        'train-images-idx3-ubyte': 'f4a8712d7a061bf5bd6d2ca38dc4d50a',
        'train-labels-idx1-ubyte': '9018921c3c673c538a1fc5bad174d6f9',
        't10k-images-idx3-ubyte': '8181f5470baa50b63fa0f6fddb340f0a',
        't10k-labels-idx1-ubyte': '15d484375f8d13e6eb1aabb0c3f46965',
      },
    },
  },
} as const satisfies Record<string, MnistKind>
export type MnistName = keyof typeof MNIST_KINDS
export const MNIST_NAMES = Object.keys(MNIST_KINDS) as MnistName[]

/** MNIST: 28 x 28 grey digits, pixels 0 to 255, labels 0 to 9. See `fashion` for where it is looked for. */
export function mnist(options: MnistOptions = {}): Promise<Dataset> {
  return open('mnist', parseOptions('mnist', SCHEMA, options))
}

/**
 * Fashion-MNIST (arXiv 1708.07747): 28 x 28 grey articles of clothing, pixels 0 to 255, labels 0 to 9 with names. It is
 * looked for in the folder `PFGM_DATA` (its subfolder `fashion`, or torchvision's `FashionMNIST/raw`), where Debian's
 * package `dataset-fashion-mnist` puts it, and in the cache, where `npx pfgm-torch data fashion` downloads it to.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where it is in none of them, or a file is not what it should be
 */
export function fashion(options: MnistOptions = {}): Promise<Dataset> {
  return open('fashion', parseOptions('fashion', SCHEMA, options))
}

async function open(name: MnistName, { split = 'train', mirror = false }: MnistOptions): Promise<Dataset> {
  const { classes } = MNIST_KINDS[name]
  const folder = await findMnist(name)
  if (folder === undefined) {
    throw new PfgmError(
      'ERR_PFGM_DATA',
      `Expected the data ${name} in ${placesOf(name).join(', ')} but received nothing there: download it by \`npx pfgm-torch data ${name}\``,
    )
  }
  const { images, labels } = FILES[split]
  const at = async (file: string) => (await mnistFile(folder, file)) ?? join(folder, file)
  const dataset = await idx(await at(images), { labels: await at(labels), mirror })
  const { shape, count } = dataset
  if (count !== COUNTS[split] || shape.join() !== '1,28,28') {
    throw new PfgmError(
      'ERR_PFGM_DATA',
      `${folder}: expected ${COUNTS[split]} images of 28 x 28 but received ${count} of ${shape.slice(1).join(' x ')}`,
    )
  }
  return { ...dataset, name: split === 'train' ? name : `${name}:${split}`, classes }
}

/** Where downloads go. */
export function mnistCache(name: MnistName): string {
  return join(cacheRoot(), 'data', name)
}

/** The folder that has all four files, if any. */
export async function findMnist(name: MnistName): Promise<string | undefined> {
  for (const folder of placesOf(name)) {
    const all = await Promise.all(MNIST_FILES.map((file) => mnistFile(folder, file)))
    if (all.every((file) => file !== undefined)) return folder
  }
  return undefined
}

export const MNIST_FILES: readonly string[] = Object.values(FILES).flatMap(({ images, labels }) => [
  images,
  labels,
])

function placesOf(name: MnistName): string[] {
  const { torchvision, debian }: MnistKind = MNIST_KINDS[name]
  const own = process.env.PFGM_DATA
  return [
    ...(own ? [join(own, name), join(own, torchvision)] : []),
    ...(debian === undefined ? [] : [debian]),
    mnistCache(name),
  ]
}

async function mnistFile(folder: string, name: string): Promise<string | undefined> {
  for (const file of [name, `${name}.gz`].map((one) => join(folder, one)))
    if ((await lookAt(file))?.isFile()) return file
  return undefined
}
