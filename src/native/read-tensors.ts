import { PfgmError } from '../errors.js'
import type { TensorFile } from '../files/tensor-file.js'
import type { OwnerHandle } from './addon.js'
import { native } from './native.js'

/**
 * Fills an object from a file of tensors.
 * @param rename the name in the file of each of the object's tensors; undefined for one that stays as it is
 * @throws PfgmError `ERR_PFGM_CHECKPOINT` where a tensor is missing or of another shape; nothing is changed then
 */
export async function readTensors(
  owner: OwnerHandle,
  file: TensorFile,
  rename: (name: string) => string | undefined = (name) => name,
): Promise<void> {
  const slots = native()
    .describeState(owner)
    .flatMap(({ name, shape }) => {
      const stored = rename(name)
      if (stored === undefined) return []
      const entry = file.entries.get(stored)
      if (!entry) throw new PfgmError('ERR_PFGM_CHECKPOINT', `${file.path} has no tensor named ${stored}`)
      if (entry.shape.join() !== shape.join()) {
        throw new PfgmError(
          'ERR_PFGM_CHECKPOINT',
          `${file.path} is of another architecture: expected ${entry.name} to be [${shape.join(', ')}] but it is [${entry.shape.join(', ')}]`,
        )
      }
      return [{ name, dtype: entry.dtype, begin: entry.begin, end: entry.end }]
    })
  await native().readState(owner, file.path, file.dataOffset, slots)
}
