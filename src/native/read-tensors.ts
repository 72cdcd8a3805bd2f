import { join } from 'node:path'
import { PfgmError } from '../errors.js'
import { withTemporaryFolder } from '../files/temporary.js'
import type { TensorEntry, TensorFile } from '../files/tensor-file.js'
import { writeWhole } from '../files/whole-file.js'
import type { OwnerHandle, TensorSlot } from './addon.js'
import { native } from './native.js'

/** A tensor of an object, and what the file has of it. */
interface Match {
  readonly name: string
  readonly entry: TensorEntry
}

/**
 * Fills an object from a file of tensors.
 * @param rename the name in the file of each of the object's tensors; undefined for one that stays as it is
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where a tensor is missing, of another shape or, where the file says so, left over;
 *   nothing is changed then
 */
export async function readTensors(
  owner: OwnerHandle,
  file: TensorFile,
  rename: (name: string) => string | undefined = (name) => name,
): Promise<void> {
  const matches = native()
    .describeState(owner)
    .flatMap(({ name, shape }) => {
      const stored = rename(name)
      return stored === undefined ? [] : [{ name, entry: fittingEntry(file, stored, shape) }]
    })
  expectNoneLeft(file, matches)
  const slots = matches.filter(({ entry }) => !entry.made).map(slotOf)
  const made = matches.filter(({ entry }) => entry.made)
  if (made.length > 0) await readMade(owner, made)
  await native().readState(owner, file.path, file.dataOffset, slots)
}

function fittingEntry(file: TensorFile, name: string, shape: readonly number[]): TensorEntry {
  const entry = file.entries.get(name)
  if (!entry) throw new PfgmError('ERR_PFGM_CHECKPOINT', `${file.path} has no tensor named ${name}`)
  if (entry.shape.join() !== shape.join()) {
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `${file.path} is of another architecture: expected ${entry.name} to be [${shape.join(', ')}] but it is [${entry.shape.join(', ')}]`,
    )
  }
  return entry
}

function expectNoneLeft({ path, entries, mayBeLeft }: TensorFile, matches: readonly Match[]): void {
  if (mayBeLeft === undefined) return
  const read = new Set(matches.map(({ entry }) => entry))
  for (const [name, entry] of entries) {
    if (read.has(entry) || mayBeLeft.test(name)) continue
    throw new PfgmError(
      'ERR_PFGM_CHECKPOINT',
      `${path} is of another architecture: it has a tensor ${entry.name}, which the network has no place for`,
    )
  }
}

function slotOf({ name, entry: { dtype, begin, end } }: Match): TensorSlot {
  return { name, dtype, begin, end }
}

/** Native code reads files: what is made is written to one, which is gone afterwards. */
async function readMade(owner: OwnerHandle, made: readonly Match[]): Promise<void> {
  const all = await Promise.all(made.map(({ entry }) => entry.made!()))
  let at = 0
  const slots = made.map(({ name, entry }, i) => {
    const begin = at
    at += all[i]!.length
    return { name, dtype: entry.dtype, begin, end: at }
  })
  await withTemporaryFolder(async (folder) => {
    const path = join(folder, 'made')
    await writeWhole(path, all)
    await native().readState(owner, path, 0, slots)
  })
}
