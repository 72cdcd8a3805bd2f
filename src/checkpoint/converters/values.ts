import { open } from 'node:fs/promises'
import type { TensorEntry } from '../../files/tensor-file.js'
import { malformed } from './converter.js'

/**
 * The numbers of a tensor that lies in a file.
 * @throws PfgmError `ERR_PFGM_DATA` where they are none of float32 or float64, or not all there
 */
export async function valuesOf(path: string, entry: TensorEntry): Promise<Float64Array> {
  const { name, dtype } = entry
  if (dtype !== 'F32' && dtype !== 'F64') throw malformed(path, `${name} as float32 or float64`, dtype)
  const bytes = await bytesOf(path, entry)
  return dtype === 'F64'
    ? Float64Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i))
    : Float64Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
}

/**
 * The bytes of a tensor that lies in a file.
 * @throws PfgmError `ERR_PFGM_DATA` where they are not all there
 */
export async function bytesOf(path: string, { name, begin, end }: TensorEntry): Promise<Buffer> {
  const bytes = Buffer.alloc(end - begin)
  const file = await open(path)
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, begin)
    if (bytesRead < bytes.length) throw malformed(path, `${bytes.length} bytes of ${name}`, `${bytesRead}`)
  } finally {
    await file.close()
  }
  return bytes
}

/** Numbers as the bytes of float32. */
export function float32Bytes(values: Float64Array): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer)
}
