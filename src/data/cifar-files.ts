import { basename, join } from 'node:path'
import { dataError, isGzip, lookAt, readBytes } from '../files/read.js'
import { isTar, tarEntries } from '../files/tar.js'
import {
  type CifarBatch,
  type CifarFormat,
  type CifarLabel,
  type CifarVersion,
  PIXELS,
  recordLength,
} from './cifar-format.js'
import { unpickledBatch, unpickledNames } from './cifar-pickle.js'
import { readHead } from './head.js'
import { SPLITS, type Split } from './split.js'

/** What was read: the batches in order, and the names of the classes where they are there. */
export interface CifarData {
  readonly batches: readonly CifarBatch[]
  readonly names?: readonly string[]
}

/** Larger than any file that was published: 10,000 images, or CIFAR-100's 50,000. */
const LARGEST_FILE = 2 ** 28

/** How pickles begin; a label of so many there is not. */
const PICKLE = 0x80

/** Reads an archive, a folder or a file. @throws PfgmError `ERR_PFGM_DATA` where it is not such data */
export async function readCifar(
  format: CifarFormat,
  path: string,
  split: Split,
  label: CifarLabel,
): Promise<CifarData> {
  const stats = await lookAt(path)
  if (!stats?.isFile()) return readFolder(format, path, split, label)
  const head = await readHead(path)
  if (isTar(head) || isGzip(head)) return readArchive(format, path, split, label)
  return { batches: [await readFile(format, path, label, head[0] === PICKLE)] }
}

/** Whether an entry is one of the archive that was published, of either version. */
export function isCifarArchive({ binary, python }: CifarFormat, entry: string): boolean {
  return [binary, python].some(({ folder }) => entry.startsWith(`${folder}/`))
}

/** The folder that holds the files of a version: the path itself or the archive's folder in it. */
export async function findCifarFolder(
  { folder, files, beside }: CifarVersion,
  path: string,
): Promise<string | undefined> {
  for (const each of [path, join(path, folder)]) {
    if (beside !== undefined && !(await lookAt(join(each, beside)))?.isFile()) continue
    for (const split of SPLITS) {
      if ((await lookAt(join(each, files[split][0]!)))?.isFile()) return each
    }
  }
  return undefined
}

async function readFolder(
  format: CifarFormat,
  path: string,
  split: Split,
  label: CifarLabel,
): Promise<CifarData> {
  const { binary, python } = format
  const records = await findCifarFolder(binary, path)
  const folder = records ?? (await findCifarFolder(python, path))
  if (folder === undefined) {
    const received =
      (await lookAt(path)) === undefined ? 'nothing: there is no such path' : 'a folder without them'
    throw dataError(
      path,
      `the archive, a folder with ${binary.files[split].join(', ')}, or one such file`,
      received,
    )
  }
  const files = (records === undefined ? python : binary).files[split].map((name) => join(folder, name))
  for (const file of files) await expectRecords(records === undefined ? undefined : format, file)
  const batches: CifarBatch[] = []
  for (const file of files) batches.push(await readFile(format, file, label, records === undefined))
  const beside = join(folder, namesFile(records !== undefined, label))
  const names = (await lookAt(beside))?.isFile() ? namesIn(beside, await readBytes(beside), label) : undefined
  return { batches, ...(names && { names }) }
}

async function readArchive(
  format: CifarFormat,
  path: string,
  split: Split,
  label: CifarLabel,
): Promise<CifarData> {
  const batches = new Map<string, CifarBatch>()
  let names: string[] | undefined
  let version: CifarVersion | undefined
  for await (const entry of tarEntries(path)) {
    version ??= [format.binary, format.python].find(({ folder }) => entry.name.startsWith(`${folder}/`))
    if (version === undefined || !entry.name.startsWith(`${version.folder}/`)) continue
    const isBinary = version === format.binary
    const name = basename(entry.name)
    if (version.files[split].includes(name)) {
      const bytes = await entry.read(LARGEST_FILE)
      batches.set(
        name,
        isBinary ? records(format, entry.title, bytes, label) : unpickledBatch(entry.title, bytes, label),
      )
    } else if (name === namesFile(isBinary, label)) {
      names = namesIn(entry.title, await entry.read(LARGEST_FILE), label)
    }
  }
  if (version === undefined)
    throw dataError(path, `an archive with ${format.binary.folder} or ${format.python.folder}`, 'one without')
  const wanted = version.files[split]
  const missing = wanted.find((name) => !batches.has(name))
  if (missing !== undefined)
    throw dataError(path, `an archive with ${version.folder}/${missing}`, 'one without')
  return { batches: wanted.map((name) => batches.get(name)!), ...(names && { names }) }
}

/** Those of CIFAR-10 are known. */
function namesFile(isBinary: boolean, { python, names }: CifarLabel): string {
  if (names !== undefined) return ''
  return isBinary ? `${python.replace(/labels$/, 'label_names')}.txt` : 'meta'
}

/** The names of all classes; undefined where they are others. */
function namesIn(title: string, bytes: Buffer, label: CifarLabel): string[] | undefined {
  const names = title.includes('.txt')
    ? bytes
        .toString()
        .split(/\r?\n/)
        .filter((line) => line !== '')
    : unpickledNames(title, bytes, label)
  return names?.length === label.classes && new Set(names).size === names.length ? names : undefined
}

/** The first file that is missing or of another size is the one named. */
async function expectRecords(format: CifarFormat | undefined, file: string): Promise<void> {
  const stats = await lookAt(file)
  if (!stats?.isFile()) throw dataError(file, 'a file', 'nothing: there is no such path')
  if (format !== undefined) expectLength(format, file, stats.size)
}

function expectLength(format: CifarFormat, title: string, length: number): void {
  const record = recordLength(format)
  if (length > 0 && length % record === 0) return
  throw dataError(title, `a multiple of ${record} bytes (one ${format.name} record)`, `${length}`)
}

async function readFile(
  format: CifarFormat,
  file: string,
  label: CifarLabel,
  isPickle: boolean,
): Promise<CifarBatch> {
  const bytes = await readBytes(file)
  return isPickle ? unpickledBatch(file, bytes, label) : records(format, file, bytes, label)
}

/** Splits records into labels and pixels. Record by record: the pixels move in blocks of 3072 bytes. */
function records(format: CifarFormat, title: string, bytes: Buffer, label: CifarLabel): CifarBatch {
  expectLength(format, title, bytes.length)
  const record = recordLength(format)
  const count = bytes.length / record
  const labels = new Uint8Array(count)
  const pixels = new Uint8Array(count * PIXELS)
  for (let item = 0; item < count; item++) {
    const start = item * record
    const value = bytes[start + label.offset]!
    if (value >= label.classes) {
      throw dataError(title, `labels from 0 to ${label.classes - 1}`, `${value} in record ${item}`)
    }
    labels[item] = value
    bytes.copy(pixels, item * PIXELS, start + format.labelBytes, start + record)
  }
  return { labels, pixels }
}
