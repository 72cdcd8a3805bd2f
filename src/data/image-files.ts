import type { Dirent } from 'node:fs'
import { extname, join } from 'node:path'
import { listFolder, lookAt } from '../files/read.js'

/** The file names taken for images: what sharp reads wherever it is installed. */
export const IMAGE_EXTENSIONS = ['png', 'jpg', 'jpeg', 'webp', 'gif', 'tif', 'tiff', 'avif'] as const

/** A label is a byte. */
const MAX_CLASSES = 256

export interface ImageFiles {
  /** Paths, sorted by folder and name. */
  readonly files: readonly string[]
  /** Class of each file, where every file is in a subfolder and these are at most 256. */
  readonly labels?: Uint8Array
  /** What else is in the folder, for a message. */
  readonly others: string
}

interface Listing {
  readonly images: string[]
  readonly folders: string[]
  readonly others: string[]
}

/** The image files of a folder and of the folders right in it. Names that begin with a dot are passed over. */
export async function findImages(folder: string): Promise<ImageFiles> {
  const top = await list(folder)
  const nested = await Promise.all(top.folders.map(async (name) => (await list(name)).images))
  const classes = nested.filter((images) => images.length > 0)
  const files = [...top.images, ...classes.flat()]
  const others = describe(top)
  const labelled = files.length > 0 && top.images.length === 0 && classes.length <= MAX_CLASSES
  return labelled ? { files, others, labels: labelByFolder(classes, files.length) } : { files, others }
}

async function list(folder: string): Promise<Listing> {
  const listing: Listing = { images: [], folders: [], others: [] }
  for (const entry of await listFolder(folder)) {
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    if (await isFolder(entry, path)) listing.folders.push(path)
    else if (isImageName(entry.name)) listing.images.push(path)
    else listing.others.push(entry.name)
  }
  return listing
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  return (await lookAt(path))?.isDirectory() ?? false
}

function isImageName(name: string): boolean {
  const extension = extname(name).slice(1).toLowerCase()
  return (IMAGE_EXTENSIONS as readonly string[]).includes(extension)
}

function labelByFolder(classes: readonly string[][], count: number): Uint8Array {
  const labels = new Uint8Array(count)
  let first = 0
  for (const [index, files] of classes.entries()) {
    labels.fill(index, first, first + files.length)
    first += files.length
  }
  return labels
}

function describe({ folders, others }: Listing): string {
  if (folders.length === 0 && others.length === 0) return 'an empty folder'
  const some = [...others.slice(0, 3), ...(others.length > 3 ? ['…'] : [])].join(', ')
  return `none (other files: ${others.length}${some && ` (${some})`}, folders: ${folders.length})`
}
