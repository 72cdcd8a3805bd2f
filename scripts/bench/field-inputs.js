import { readFile } from 'node:fs/promises'
import { Tensor } from '../../dist/index.js'

/**
 * A case's sources and queries as tensors.
 * @param {import('./field-data.js').FieldData} data
 */
export async function readFieldInputs({ sources, x, z, shape: [count, queries, dimensions] }) {
  return {
    sources: await readTensor(sources, [count, dimensions]),
    x: await readTensor(x, [queries, dimensions]),
    z: await readTensor(z, [queries]),
  }
}

async function readTensor(path, shape) {
  const { buffer, byteOffset, byteLength } = await readFile(path)
  return Tensor.from(new Float32Array(buffer, byteOffset, byteLength / 4), shape)
}
