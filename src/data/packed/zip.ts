import { basename } from 'node:path'
import type { Entry, ZipFile } from 'yauzl'
import { PfgmError } from '../../errors.js'
import { climbsOut, titleOf } from '../../files/entry-names.js'
import { dataError, fileError, reason } from '../../files/read.js'
import { isZip, openZip, readEntry } from '../../files/zip.js'
import { foldersAsLabels, sharedFolder } from './classes.js'
import {
  LARGEST_IMAGE,
  type Listening,
  type PackedFormat,
  type PackedImage,
  type PackedLabel,
  type PackedSource,
} from './format.js'
import { isHidden, isImageName, Others } from './names.js'

/** Where EDM's dataset_tool puts labels. */
const LABELS = 'dataset.json'
/** The longest text that tells a label beside the image's name. */
const LONGEST_LABEL = 256

/**
 * Archives of images. `dataset.json` has the labels, as `{"labels": [["00000/img00000000.png", 6], …]}`, in the archive or in
 * the folder that all is in, with names from there; where it is missing, folders are the classes.
 */
export const ZIP: PackedFormat = {
  name: 'zip',
  title: 'a zip archive',
  ending: /\.zip$/i,
  begins: isZip,
  open,
}

interface Archive {
  readonly path: string
  readonly zip: ZipFile
  /** Sorted by name. */
  readonly images: readonly Entry[]
  readonly labels: Entry | undefined
}

async function open(paths: readonly string[], { signal }: Listening): Promise<PackedSource> {
  const archives: Archive[] = []
  const others = new Others()
  const close = (): void => {
    for (const { zip } of archives) zip.close()
  }
  try {
    for (const path of paths) archives.push(await openArchive(path, others, signal))
    const labels = await labelsOf(archives)
    return {
      count: archives.reduce((sum, { images }) => sum + images.length, 0),
      ...(labels && { labels }),
      notes: others.note === undefined ? [] : [others.note],
      images: (from) => images(archives, from),
      [Symbol.asyncDispose]: async () => close(),
    }
  } catch (error) {
    close()
    throw error
  }
}

async function openArchive(path: string, others: Others, signal: AbortSignal | undefined): Promise<Archive> {
  let zip: ZipFile | undefined
  try {
    zip = await openZip(path)
    const images: Entry[] = []
    const listings: Entry[] = []
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted()
      const { fileName } = entry
      if (climbsOut(fileName))
        throw dataError(titled(path, entry), 'a name within the archive', 'one that leads out of it')
      if (fileName.endsWith('/') || isHidden(fileName)) continue
      if (basename(fileName) === LABELS) listings.push(entry)
      else if (isImageName(fileName)) images.push(slim(entry))
      else others.add(fileName)
    }
    images.sort((a, b) => (a.fileName < b.fileName ? -1 : 1))
    const labels = listingOf(images, listings)
    for (const entry of listings) if (entry !== labels) others.add(entry.fileName)
    return { path, zip, images, labels }
  } catch (cause) {
    zip?.close()
    throw explained(path, cause)
  }
}

/** That of all images: in the archive, or in a folder that they are all in. */
function listingOf(images: readonly Entry[], listings: readonly Entry[]): Entry | undefined {
  const shared = sharedFolder(images.map(({ fileName }) => fileName))
  const folder = shared.map((name) => `${name}/`).join('')
  return listings
    .filter((entry) => folder.startsWith(beforeName(entry)))
    .sort((a, b) => a.fileName.length - b.fileName.length)[0]
}

/** The folder of a listing, with a slash where there is one. */
function beforeName({ fileName }: Entry): string {
  return fileName.slice(0, -LABELS.length)
}

const NOTHING = Buffer.alloc(0)

/** Without what is not used any more: archives have millions of entries. */
function slim(entry: Entry): Entry {
  return Object.assign(entry, {
    fileNameRaw: NOTHING,
    extraFieldRaw: NOTHING,
    fileCommentRaw: NOTHING,
    extraFields: [],
  })
}

async function* images(archives: readonly Archive[], from: number): AsyncGenerator<PackedImage> {
  let first = 0
  for (const { path, zip, images } of archives) {
    for (const entry of images.slice(Math.max(0, from - first))) {
      yield { title: titled(path, entry), bytes: await bytesOf(path, zip, entry) }
    }
    first += images.length
  }
}

async function bytesOf(path: string, zip: ZipFile, entry: Entry): Promise<Buffer | Error> {
  try {
    return await readEntry(zip, entry, LARGEST_IMAGE)
  } catch (cause) {
    if (cause instanceof Error && 'syscall' in cause) throw explained(path, cause)
    return dataError(titled(path, entry), 'an entry of a zip archive', `a damaged one (${reason(cause)})`, {
      cause,
    })
  }
}

/** Those that the archives list; where none does, the folders. */
async function labelsOf(archives: readonly Archive[]): Promise<PackedLabel[] | undefined> {
  if (archives.every(({ labels }) => labels === undefined)) {
    return foldersAsLabels(archives.flatMap(({ images }) => images.map(({ fileName }) => fileName)))
  }
  const all: PackedLabel[] = []
  for (const archive of archives) {
    const listed = await listedLabels(archive)
    for (const { fileName } of archive.images) all.push(listed.get(fileName))
  }
  return all
}

async function listedLabels({ path, zip, images, labels }: Archive): Promise<Map<string, PackedLabel>> {
  if (labels === undefined) return new Map()
  const title = titled(path, labels)
  const folder = beforeName(labels)
  const refuse = (received: string, cause?: unknown): PfgmError =>
    dataError(title, 'labels as [["image.png", 3], …] or null', received, { cause })
  const longest = images.reduce((sum, { fileName }) => sum + 6 * fileName.length + LONGEST_LABEL, 2 ** 20)
  let listed: unknown
  try {
    listed = JSON.parse((await readEntry(zip, labels, longest)).toString())
  } catch (cause) {
    throw refuse(`what cannot be read (${reason(cause)})`, cause)
  }
  const pairs = (listed as { labels?: unknown } | null)?.labels ?? []
  if (!Array.isArray(pairs)) throw refuse('labels that are no list')
  const found = new Map<string, PackedLabel>()
  for (const [i, pair] of pairs.entries()) {
    const [name, label] = Array.isArray(pair) ? pair : []
    if (typeof name !== 'string' || !(typeof label === 'string' || Number.isSafeInteger(label))) {
      throw refuse(`something else at place ${i} of them`)
    }
    found.set(folder + name, label)
  }
  if (found.size > 0 && !images.some(({ fileName }) => found.has(fileName))) {
    throw refuse(`none of an image of the archive, the first of ${JSON.stringify(pairs[0][0])}`)
  }
  return found
}

function titled(path: string, { fileName, relativeOffsetOfLocalHeader }: Entry): string {
  return titleOf(path, fileName, relativeOffsetOfLocalHeader)
}

function explained(path: string, cause: unknown): Error {
  if (cause instanceof PfgmError || (cause instanceof Error && cause.name === 'AbortError')) return cause
  if (cause instanceof Error && 'syscall' in cause) return fileError(path, 'a zip archive', cause)
  return dataError(path, 'a whole zip archive', `something else (${reason(cause)})`, { cause })
}
