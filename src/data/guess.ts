import { PfgmError } from '../errors.js'
import { isGzip, lookAt } from '../files/read.js'
import { isTar, tarEntries } from '../files/tar.js'
import { isZip } from '../files/zip.js'
import { isNpy } from '../tensor/npy-header.js'
import { findCifarFolder, isCifarArchive } from './cifar-files.js'
import { CIFAR10, CIFAR100, type CifarFormat, recordLength } from './cifar-format.js'
import { readHead } from './head.js'
import { isIdx } from './idx.js'
import { findImages } from './image-files.js'
import { PACKED_FORMATS, PACKED_NAMES, type PackedName } from './packed/formats.js'
import { filesOf } from './packed/shards.js'

/** The formats that are read from a path. */
export const PATH_FORMATS = ['idx', 'cifar10', 'cifar100', 'npy', 'npz', ...PACKED_NAMES, 'folder'] as const
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
    const { binary, python } = format
    if ((await findCifarFolder(binary, path)) ?? (await findCifarFolder(python, path)))
      formats.push(format.name)
  }
  if ((await findImages(path)).files.length > 0) formats.push('folder')
  return formats.length > 0 ? formats : packedIn(path)
}

/** An archive beside pictures is none of the data, so these are looked for where there is nothing else. */
async function packedIn(folder: string): Promise<PackedName[]> {
  const found: PackedName[] = []
  for (const name of PACKED_NAMES) {
    const [first] = await filesOf(PACKED_FORMATS[name], folder)
    const formats: readonly PathFormat[] = first === undefined ? [] : await guessFormats(first)
    if (formats.includes(name)) found.push(name)
  }
  return found
}

async function guessFile(path: string, size: number): Promise<PathFormat[]> {
  const head = await readHead(path)
  if (isNpy(head)) return ['npy']
  if (isZip(head) && /\.npz$/i.test(path)) return ['npz']
  if (isTar(head) || (isGzip(head) && PACKED_FORMATS.tar.ending.test(path))) return guessTar(path, head)
  if (isGzip(head)) return ['idx']
  const packed = PACKED_NAMES.filter(
    (name) => PACKED_FORMATS[name].begins(head) && PACKED_FORMATS[name].ending.test(path),
  )
  if (packed.length > 0) return packed
  const cifar = [CIFAR10, CIFAR100].filter((format) => holdsRecords(format, size)).map(({ name }) => name)
  return isIdx(head) ? ['idx', ...cifar] : cifar
}

/** CIFAR's archives are told by the folder in them. */
async function guessTar(path: string, head: Uint8Array): Promise<PathFormat[]> {
  try {
    for await (const { name } of tarEntries(path)) {
      const cifar = [CIFAR10, CIFAR100].find((format) => isCifarArchive(format, name))
      return [cifar?.name ?? 'tar']
    }
  } catch (error) {
    if (!(error instanceof PfgmError)) throw error
  }
  return isTar(head) ? ['tar'] : [] // reading says what is wrong with it
}

function holdsRecords(format: CifarFormat, size: number): boolean {
  return size > 0 && size % recordLength(format) === 0
}
