import { basename, dirname, join } from 'node:path'
import { dataError, listFolder, lookAt } from '../../files/read.js'
import type { PackedFormat } from './format.js'

/** Names that a pattern may stand for. */
const MOST = 100_000

/** Files in a row. */
export interface Shards {
  readonly paths: readonly string[]
  readonly note?: string
}

/**
 * The files that a path stands for: itself; those of the format in a folder; those of a pattern, `train-{000..146}.tar`,
 * `{a,b}.tar` or `train-*.parquet`, in which a star is any letters of the last name.
 *
 * Where a folder's files are of several splits, as `train-00000-of-00002.parquet` and `test-00000-of-00001.parquet`, those
 * to train on are taken.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where there are none
 */
export async function shardsOf(format: PackedFormat, path: string): Promise<Shards> {
  const there = await lookAt(path)
  if (there?.isDirectory()) return ofFolder(format, path)
  if (there !== undefined || !isPattern(path)) return { paths: [path] }
  const paths: string[] = []
  for (const name of expanded(path)) paths.push(...(name.includes('*') ? await matching(name) : [name]))
  if (paths.length === 0) throw dataError(path, `files that the pattern stands for`, 'none')
  return { paths }
}

function isPattern(path: string): boolean {
  return /[*{]/.test(path)
}

/** Files of a format right in a folder. */
export async function filesOf(format: PackedFormat, folder: string): Promise<string[]> {
  const entries = await listFolder(folder)
  return entries
    .filter(({ name, kind }) => kind === 'file' && !name.startsWith('.') && format.ending.test(name))
    .map(({ name }) => join(folder, name))
}

async function ofFolder(format: PackedFormat, folder: string): Promise<Shards> {
  const all = await filesOf(format, folder)
  if (all.length === 0) throw dataError(folder, `a folder with ${format.title}`, 'one without')
  const splits = new Map<string, string[]>()
  for (const path of all) {
    const split = splitOf(path)
    const files = splits.get(split) ?? []
    files.push(path)
    splits.set(split, files)
  }
  const train = splits.get('train')
  if (splits.size === 1 || train === undefined) return { paths: all }
  const others = [...splits.keys()].filter((split) => split !== 'train')
  return { paths: train, note: `of the folder's files those of train were read, not ${others.join(', ')}` }
}

/** `train` of `train-00000-of-00002.parquet` and of `train.parquet`. */
function splitOf(path: string): string {
  return basename(path).split(/[-_.]/)[0]!
}

/** Every name that braces stand for. */
function expanded(pattern: string): string[] {
  const brace = /\{([^{}]*)\}/.exec(pattern)
  if (brace === null) return [pattern]
  const before = pattern.slice(0, brace.index)
  const after = expanded(pattern.slice(brace.index + brace[0].length))
  const choices = choicesOf(pattern, brace[1]!)
  if (choices.length * after.length > MOST) throw tooMany(pattern)
  return choices.flatMap((choice) => after.map((rest) => before + choice + rest))
}

function choicesOf(pattern: string, inner: string): string[] {
  const range = /^(\d{1,15})\.\.(\d{1,15})$/.exec(inner)
  if (range === null) return inner.split(',')
  const [, first = '', last = ''] = range
  const count = Number(last) - Number(first) + 1
  if (count > MOST) throw tooMany(pattern)
  return Array.from({ length: Math.max(0, count) }, (_, i) =>
    String(Number(first) + i).padStart(first.length, '0'),
  )
}

function tooMany(pattern: string): Error {
  return dataError(pattern, `a pattern of at most ${MOST} files`, 'one of more')
}

/** The files whose last name has any letters in place of the stars. */
async function matching(pattern: string): Promise<string[]> {
  const parts = basename(pattern).split('*')
  const entries = (await lookAt(dirname(pattern))) === undefined ? [] : await listFolder(dirname(pattern))
  return entries
    .filter(({ name, kind }) => kind === 'file' && fits(name, parts))
    .map(({ name }) => join(dirname(pattern), name))
}

/** Whether a name begins with the first part, ends with the last, and has the others in between in their order. */
function fits(name: string, parts: readonly string[]): boolean {
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  if (!name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at + last.length <= name.length
}
