import { basename } from 'node:path'
import { optionsSchema, parseOptions, TEXT } from '../arguments/schema.js'
import { expectPath } from '../check.js'
import { NpzArchive } from '../files/npz-archive.js'
import { dataError } from '../files/read.js'
import { readNpyHead } from '../tensor/npy-header.js'
import { expectMirror } from './check.js'
import type { Dataset } from './dataset.js'
import { NPY_FIELDS, type NpyOptions } from './npy.js'
import { describeArray, readArray } from './npy-values.js'
import { labelsBeside, readLabels } from './npz-labels.js'

/** How an archive of NumPy files is read. */
export interface NpzOptions extends NpyOptions {
  /** Which of the arrays. Default: the only one, or the one called `images`, `x` or `arr_0`. */
  readonly array?: string
}

export const NPZ_FIELDS = { ...NPY_FIELDS, array: TEXT }
const SCHEMA = optionsSchema<NpzOptions>(NPZ_FIELDS)

const USUAL_NAMES = ['images', 'x', 'arr_0']

/**
 * A data set that is an array of an archive of NumPy files (`numpy.savez`, `numpy.savez_compressed`), read into memory.
 * The array is as for `npy`. Labels are those of the array beside it: `arr_1` for `arr_0`, `y` for `x`, `labels` for
 * `images`; where these are no whole numbers from 0 to 255, one an item, a note says so.
 *
 * @throws PfgmError `ERR_PFGM_DATA` where the file is no such archive, has several arrays and none of the usual names, or
 *   the array is not one of images or points
 * @throws RangeError where it has no array of the name
 */
export async function npz(path: string, options: NpzOptions = {}): Promise<Dataset> {
  const { array: name, mirror = false } = parseOptions('npz', SCHEMA, options)
  expectPath('path', path)
  using archive = await NpzArchive.open(path)
  const { names } = archive
  const chosen = choose(path, names, name)
  await using bytes = await archive.array(chosen)
  const title = `${path}, array ${chosen}`
  const array = describeArray(title, await readNpyHead(title, bytes))
  const { count, shape } = array.layout
  expectMirror(mirror, shape)
  const values = await readArray(title, array, bytes)
  await bytes.skipAll() // to its end, where lengths and checksums are compared
  const beside = labelsBeside(names, chosen)
  const labels = beside === undefined ? undefined : await readLabels(path, archive, beside, count)
  const others = names.filter((other) => other !== chosen && (other !== beside || typeof labels === 'string'))
  const passedOver = others.length > 0 ? [`${path}: array ${chosen} was read, not ${others.join(', ')}`] : []
  const notes = [
    ...(name === undefined ? passedOver : []),
    ...(typeof labels === 'string' ? [`${path}: array ${beside} was not taken for labels: ${labels}`] : []),
    ...array.notes,
  ]
  return {
    name: basename(path).replace(/\.npz$/i, ''),
    shape,
    count,
    values,
    mirror,
    ...(labels instanceof Uint8Array && { labels }),
    ...(notes.length > 0 && { notes }),
  }
}

function choose(path: string, names: readonly string[], wanted: string | undefined): string {
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted
    throw new RangeError(
      `Expected array to be one of ${names.join(', ')}, as ${path} has, but received ${wanted}`,
    )
  }
  if (names.length === 1) return names[0]!
  const usual = names.filter((name) => USUAL_NAMES.includes(name))
  if (usual.length === 1) return usual[0]!
  throw dataError(path, 'the name of one of its arrays (array, --array NAME)', `none, of ${names.join(', ')}`)
}
