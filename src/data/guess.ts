import { open } from 'node:fs/promises'
import { isZip } from '../files/npz-archive.js'
import { isGzip, lookAt } from '../files/read.js'
import { isNpy } from '../tensor/npy-header.js'
import { CIFAR10, CIFAR100, type CifarFormat, findCifarFolder, recordLength } from './cifar.js'
import { isIdx } from './idx.js'
import { findImages } from './image-files.js'

/** The formats that are read from a path. */
export const PATH_FORMATS = ['idx', 'cifar10', 'cifar100', 'npy', 'npz', 'folder'] as const
export type PathFormat = (typeof PATH_FORMATS)[number]

/** Every format that what is at the path may be in; none where nothing is there. */
export async function guessFormats(path: string): Promise<PathFormat[]> {
  const stats = await lookAt(path)
  if (stats?.isDirectory()) return guessFolder(path)
  return stats?.isFile() ? guessFile(path, stats.size) : []
}

async function guessFolder(path: string): Promise<PathFormat[]> {
  const formats: PathFormat[] = []
  for (const format of [CIFAR10, CIFAR100]) {
    if ((await findCifarFolder(format, path)) !== undefined) formats.push(format.name)
  }
  if ((await findImages(path)).files.length > 0) formats.push('folder')
  return formats
}

async function guessFile(path: string, size: number): Promise<PathFormat[]> {
  const head = await readHead(path)
  if (isNpy(head)) return ['npy']
  if (isZip(head) && /\.npz$/i.test(path)) return ['npz']
  // Of the gzipped files only IDX is read; an archive is not.
  if (isGzip(head)) return /\.(tgz|tar\.gz)$/i.test(path) ? [] : ['idx']
  const cifar = [CIFAR10, CIFAR100].filter((format) => holdsRecords(format, size)).map(({ name }) => name)
  return isIdx(head) ? ['idx', ...cifar] : cifar
}

function holdsRecords(format: CifarFormat, size: number): boolean {
  return size > 0 && size % recordLength(format) === 0
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(4), 0, 4, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
