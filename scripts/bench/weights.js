import { writeTensors } from '../../dist/checkpoint/safetensors.js'

/**
 * Writes a network's weights for the peer to read.
 * @param {import('../../dist/index.js').Network} network
 * @param {string} path
 */
export async function writeWeights(network, path) {
  await writeTensors(network.handle, path, {})
}
