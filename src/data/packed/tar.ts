import { dataError, lookAt, reason } from '../../files/read.js'
import { isTar, type TarEntry, tarEntries } from '../../files/tar.js'
import { foldersAsLabels } from './classes.js'
import {
  LARGEST_IMAGE,
  type Listening,
  type PackedFormat,
  type PackedImage,
  type PackedLabel,
  type PackedSource,
} from './format.js'
import { isHidden, isImageName, Others } from './names.js'

/**
 * Archives of samples as WebDataset has them: files in a row whose names are alike up to their first dot. `.cls`, or else
 * `.json` (its `label`, `cls` or `class`), has the class; where no sample has either, folders are the classes.
 */
export const TAR: PackedFormat = {
  name: 'tar',
  title: 'a tar archive',
  ending: /\.(?:tar|tar\.gz|tgz)$/i,
  begins: isTar,
  open,
}

/** In bytes. */
const LONGEST_LABEL = 2 ** 20
const JSON_NAME = /\.json$/i
const LABEL_FIELDS = ['label', 'cls', 'class']

/** The images of archives, with what was found beside them. */
interface Listing {
  /** How many each archive has. */
  readonly counts: number[]
  readonly names: string[]
  readonly labels: PackedLabel[]
  readonly others: Others
}

async function open(paths: readonly string[], listening: Listening): Promise<PackedSource> {
  const listing: Listing = { counts: [], names: [], labels: [], others: new Others() }
  const sizes = await Promise.all(paths.map(async (path) => (await lookAt(path))?.size ?? 0))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let before = 0
  for (const [i, path] of paths.entries()) {
    const onEntry = (offset: number): void => {
      listening.signal?.throwIfAborted()
      // Of a gzipped archive the offset is that of what it is unpacked to.
      listening.onProgress?.(before + Math.min(offset, sizes[i]!), total, 'bytes')
    }
    await list(path, listing, onEntry)
    before += sizes[i]!
  }
  const { counts, names, labels, others } = listing
  const found = labels.some((label) => label !== undefined) ? labels : foldersAsLabels(names)
  return {
    count: names.length,
    ...(found && { labels: found }),
    notes: others.note === undefined ? [] : [others.note],
    images: (from) => images(paths, counts, from),
    [Symbol.asyncDispose]: async () => {},
  }
}

async function list(
  path: string,
  { counts, names, labels, others }: Listing,
  onEntry: (offset: number) => void,
): Promise<void> {
  let count = 0
  let sample: string | undefined
  let label: PackedLabel
  let isOfCls = false
  for await (const [entry, kind] of samples(path)) {
    onEntry(entry.offset)
    const key = keyOf(entry.name)
    if (key !== sample) [label, isOfCls] = [undefined, false]
    sample = key
    if (kind === 'image') {
      names.push(entry.name)
      labels.push(label)
      count++
    } else if (kind === 'label') {
      const isJson = JSON_NAME.test(entry.name)
      if (isJson && isOfCls) continue // .cls goes first, wherever it is
      const found = await labelIn(entry)
      if (found !== undefined) [label, isOfCls] = [found, !isJson]
      // What came before it of the same sample is of its class, too.
      const last = names.length - 1
      if (count > 0 && keyOf(names[last]!) === key) labels[last] = label
    } else others.add(entry.name)
  }
  counts.push(count)
}

type Kind = 'image' | 'label' | 'other'

/** The entries of an archive; of several images of a sample, the first is its image. */
async function* samples(path: string): AsyncGenerator<[entry: TarEntry, kind: Kind]> {
  let withImage: string | undefined
  for await (const entry of tarEntries(path)) {
    const { name } = entry
    if (isHidden(name)) continue
    const key = keyOf(name)
    if (isImageName(name)) {
      yield [entry, key === withImage ? 'other' : 'image']
      withImage = key
    } else yield [entry, /\.(?:cls|cls\.txt|json)$/i.test(name) ? 'label' : 'other']
  }
}

/** What the files of a sample share: the name up to the first dot after the last slash. */
function keyOf(name: string): string {
  const dot = name.indexOf('.', name.lastIndexOf('/') + 1)
  return dot < 0 ? name : name.slice(0, dot)
}

async function labelIn(entry: TarEntry): Promise<PackedLabel> {
  const text = (await entry.read(LONGEST_LABEL)).toString().trim()
  if (!JSON_NAME.test(entry.name)) return text === '' ? undefined : text
  let fields: Record<string, unknown> | null
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    throw dataError(entry.title, 'JSON', `what is none (${reason(cause)})`, { cause })
  }
  const label = LABEL_FIELDS.map((name) => fields?.[name]).find(
    (value) => value !== undefined && value !== null,
  )
  return typeof label === 'string' || Number.isSafeInteger(label) ? (label as PackedLabel) : undefined
}

async function* images(
  paths: readonly string[],
  counts: readonly number[],
  from: number,
): AsyncGenerator<PackedImage> {
  let first = 0
  for (const [i, path] of paths.entries()) {
    const end = first + counts[i]!
    if (end > from) {
      let index = first
      for await (const [entry, kind] of samples(path)) {
        if (kind === 'image' && index++ >= from) yield { title: entry.title, bytes: await bytesOf(entry) }
      }
    }
    first = end
  }
}

async function bytesOf(entry: TarEntry): Promise<Buffer | Error> {
  if (entry.size <= LARGEST_IMAGE) return entry.read(LARGEST_IMAGE)
  return dataError(entry.title, `an image of at most ${LARGEST_IMAGE} bytes`, `${entry.size}`)
}
