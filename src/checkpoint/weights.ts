import { join } from 'node:path'
import { expectRoom } from '../arguments/room.js'
import { product } from '../check.js'
import { readBytes } from '../files/read.js'
import { withTemporaryFolder } from '../files/temporary.js'
import type { Network } from '../nn/network.js'
import { readHeader, writeTensors } from './safetensors.js'

/** A parameter's values, float32 and little-endian. */
export interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** All parameters of a network, by their names and in their order: as they are now, whatever is done to it later. */
export async function weightsOf(network: Network): Promise<Map<string, Weight>> {
  const parameters = network.parameters()
  expectRoom(4 * parameters.reduce((sum, { shape }) => sum + product(shape), 0), 'weights')
  // Native code gives tensors to files alone.
  return withTemporaryFolder(async (folder) => {
    const path = join(folder, 'weights.safetensors')
    await writeTensors(network.handle, path, {})
    const { entries, dataOffset } = await readHeader(path)
    const bytes = await readBytes(path)
    return new Map(
      parameters.map(({ name, shape }) => {
        const { begin, end } = entries.get(name)!
        return [name, { name, shape, bytes: bytes.subarray(dataOffset + begin, dataOffset + end) }]
      }),
    )
  })
}
