import { open, rename, rm } from 'node:fs/promises'
import { PfgmError } from '../errors.js'
import type { Dtype } from '../native/addon.js'
import type { Tensor } from '../tensor.js'

const DESCRIPTIONS: Readonly<Record<Dtype, string>> = {
  float32: '<f4',
  float64: '<f8',
  uint8: '|u1',
  int64: '<i8',
}

/** The head of a NumPy file, version 1.0: a dictionary in Python's notation, padded so that the values are aligned. */
function npyHead(dtype: Dtype, shape: readonly number[]): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`
  const before = 10
  const length = Math.ceil((before + text.length + 1) / 64) * 64 - before
  const head = Buffer.alloc(before)
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(length, 8)
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')])
}

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
