import { readFile } from 'node:fs/promises'
import { Tensor } from '../../dist/index.js'

/**
 * A case's sources and queries as tensors.
 * @param {import('./field-data.js').FieldData} data
 */
export async function readFieldInputs({
  sources,
  pixels,
  asPixels,
  x,
  z,
  shape: [count, queries, dimensions],
}) {
  const shape = [count, dimensions]
  return {
    sources: asPixels ? await Tensor.from(await readFile(pixels), shape) : await readTensor(sources, shape),
    x: await readTensor(x, [queries, dimensions]),
    z: await readTensor(z, [queries]),
  }
}

async function readTensor(path, shape) {
  const { buffer, byteOffset, byteLength } = await readFile(path)
  return Tensor.from(new Float32Array(buffer, byteOffset, byteLength / 4), shape)
}
