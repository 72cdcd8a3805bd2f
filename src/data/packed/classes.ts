import type { Dataset } from '../dataset.js'
import type { PackedLabel } from './format.js'

/** A label is a byte. */
const MAX_CLASSES = 256

type Labelled = Pick<Dataset, 'labels' | 'classes'> & {
  /** Why there are none. */
  readonly note?: string
}

/**
 * Labels as a data set has them: numbers as they are, with their names where there are any; names by their places in the
 * sorted list of all. Where one is missing, or there are more classes than a data set can have, there are none and a note.
 */
export function labelsOf(given: readonly PackedLabel[] | undefined, names?: readonly string[]): Labelled {
  if (given === undefined) return {}
  const missing = given.reduce<number>((sum, label) => sum + (isMissing(label) ? 1 : 0), 0)
  if (missing === given.length) return {}
  if (missing > 0) return { note: `${missing} of ${given.length} images have no label, so none were kept` }
  const numbers = given.map(asNumber)
  return numbers.every((label) => label !== undefined) ? numbered(numbers, names) : named(given.map(String))
}

/** −1, also as text, stands for no class where tests keep their labels to themselves. */
function isMissing(label: PackedLabel): boolean {
  return label === undefined || label === '' || label === -1 || label === '-1'
}

function asNumber(label: PackedLabel): number | undefined {
  if (typeof label === 'string') return /^\d{1,15}$/.test(label) ? Number(label) : undefined
  return Number.isSafeInteger(label) && label! >= 0 ? label : undefined
}

function numbered(numbers: readonly number[], names: readonly string[] | undefined): Labelled {
  const largest = numbers.reduce((most, label) => Math.max(most, label), 0)
  const count = Math.max(names?.length ?? 0, largest + 1)
  if (count > MAX_CLASSES) return tooMany(count)
  const labels = Uint8Array.from(numbers)
  const isNaming = names !== undefined && largest < names.length && new Set(names).size === names.length
  return { labels, ...(isNaming && names.every((name) => name !== '') && { classes: names }) }
}

function named(names: readonly string[]): Labelled {
  const classes = [...new Set(names)].sort((a, b) => (a < b ? -1 : 1))
  if (classes.length > MAX_CLASSES) return tooMany(classes.length)
  const places = new Map(classes.map((name, place) => [name, place]))
  return { labels: Uint8Array.from(names, (name) => places.get(name)!), classes }
}

function tooMany(count: number): Labelled {
  return { note: `labels of ${count} classes were not kept: a data set has at most ${MAX_CLASSES}` }
}

/**
 * The classes that folders stand for: the first folder below those that all images share; undefined where some images are
 * in none of these.
 */
export function foldersAsLabels(names: readonly string[]): string[] | undefined {
  const depth = sharedFolder(names).length
  const labels = names.map((name) => foldersOf(name)[depth] ?? '')
  return labels.length === 0 || labels.includes('') ? undefined : labels
}

/** The folders in each other that lead to all of some files. */
export function sharedFolder(names: readonly string[]): string[] {
  return names.slice(1).reduce(
    (common, name) => {
      const folders = foldersOf(name)
      const end = common.findIndex((part, i) => folders[i] !== part)
      return end < 0 ? common : common.slice(0, end)
    },
    foldersOf(names[0] ?? ''),
  )
}

function foldersOf(name: string): string[] {
  return name.split('/').slice(0, -1)
}
