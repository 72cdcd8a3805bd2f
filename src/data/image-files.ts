import { basename, extname } from 'node:path'
import { type FilePath, type FolderEntry, listFolder, lookAt } from '../files/read.js'

/** The file names taken for images: what sharp reads wherever it is installed, and BMP. */
export const IMAGE_EXTENSIONS = [
  'png',
  'jpg',
  'jpeg',
  'jfif',
  'webp',
  'gif',
  'tif',
  'tiff',
  'avif',
  'bmp',
] as const

/** A label is a byte. */
const MAX_CLASSES = 256

/** Kinds of other files that a message names. */
const MAX_KINDS = 8

export interface ImageFiles {
  /** Paths, sorted by folder and name. */
  readonly files: readonly FilePath[]
  /** Class of each file, where every file is in a subfolder and these are at most 256. */
  readonly labels?: Uint8Array
  /** The names of those folders. */
  readonly classes?: readonly string[]
  /** How many other files there are of each extension. */
  readonly others: ReadonlyMap<string, number>
}

/**
 * The image files of a folder and of all folders in it. Names that begin with a dot are passed over.
 * The class of a file is the first of the folders that lead to it.
 */
export async function findImages(folder: FilePath, signal?: AbortSignal): Promise<ImageFiles> {
  const walk = new Walk(signal)
  const { images, folders } = await walk.list(folder)
  const above = [await identify(folder)]
  const classes: { name: string; files: FilePath[] }[] = []
  for (const nested of folders) {
    const found = await walk.collect(nested, above)
    if (found.length > 0) classes.push({ name: basename(String(nested)), files: found })
  }
  const files = [...images, ...classes.flatMap((each) => each.files)]
  const { others } = walk
  const labelled = files.length > 0 && images.length === 0 && classes.length <= MAX_CLASSES
  if (!labelled) return { files, others }
  const labels = Uint8Array.from(classes.flatMap((each, index) => each.files.map(() => index)))
  return { files, others, labels, classes: classes.map(({ name }) => name) }
}

/** `53 other files (50 .heic, 3 .txt)`. */
export function describeOthers(others: ReadonlyMap<string, number>): string {
  const kinds = [...others].sort(([, a], [, b]) => b - a)
  const total = kinds.reduce((sum, [, count]) => sum + count, 0)
  const some = kinds.slice(0, MAX_KINDS).map(([kind, count]) => `${count} ${kind}`)
  const list = [...some, ...(kinds.length > MAX_KINDS ? ['…'] : [])].join(', ')
  return `${total} other file${total === 1 ? '' : 's'} (${list})`
}

class Walk {
  readonly others = new Map<string, number>()

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** What is right in a folder. */
  async list(folder: FilePath): Promise<{ images: FilePath[]; folders: FilePath[] }> {
    this.signal?.throwIfAborted()
    const images: FilePath[] = []
    const folders: FilePath[] = []
    for (const entry of await listFolder(folder)) {
      if (entry.name.startsWith('.')) continue
      if (entry.kind === 'folder') folders.push(entry.path)
      else if (isImage(entry)) images.push(entry.path)
      else this.#count(entry.name)
    }
    return { images, folders }
  }

  /** The images of a folder and of all in it. A link back to a folder above it is not followed. */
  async collect(folder: FilePath, above: readonly string[]): Promise<FilePath[]> {
    const identity = await identify(folder)
    if (above.includes(identity)) return []
    const { images, folders } = await this.list(folder)
    for (const nested of folders) {
      for (const file of await this.collect(nested, [...above, identity])) images.push(file)
    }
    return images
  }

  #count(name: string): void {
    const kind = extname(name).toLowerCase() || 'without an extension'
    this.others.set(kind, (this.others.get(kind) ?? 0) + 1)
  }
}

async function identify(folder: FilePath): Promise<string> {
  const stats = await lookAt(folder)
  return `${stats?.dev}:${stats?.ino}`
}

/** A link that leads nowhere counts by its name: it is missing, not passed over. */
function isImage({ name, kind }: FolderEntry): boolean {
  const extension = extname(name).slice(1).toLowerCase()
  return kind !== 'other' && (IMAGE_EXTENSIONS as readonly string[]).includes(extension)
}
