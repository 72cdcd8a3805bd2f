import { open, rename, rm } from 'node:fs/promises'
import { PfgmError } from '../errors.js'
import { npyHead } from './npy-header.js'
import type { Tensor } from './tensor.js'

/**
 * Writes a tensor as NumPy does (`numpy.save`); the file appears whole or not at all.
 * @throws PfgmError `ERR_PFGM_IO` where it cannot be written
 */
export async function writeNpy(tensor: Tensor, path: string): Promise<void> {
  const values = await tensor.data()
  const temporary = `${path}.tmp-${process.pid}`
  try {
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(npyHead(tensor.dtype, tensor.shape))
      await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {})
    throw new PfgmError('ERR_PFGM_IO', `Could not write ${path}: ${(cause as Error).message}`, { cause })
  }
}
