// Makes sure that both sides compute the same network before its speed is compared.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Network, Tensor } from '../../dist/index.js'
import { gaussians, uniforms } from './random.js'
import { floats, relativeDifference } from './vectors.js'
import { writeWeights } from './weights.js'

const IMAGES = 4
const TOLERANCE = 1e-4

/**
 * Builds the peer's network, and compares its output with the library's for weights none of which is near 0.
 * @param {import('./peer.js').Peer} peer
 * @param {object} config of the network
 * @param {string} folder for files
 */
export async function expectSameNetwork(peer, config, folder) {
  await peer.request('training.network', { config })
  const network = await Network.create({ ...config, initScale: 1 }, { seed: 3 })
  const points = await writePoints(network, folder)
  const weights = join(folder, 'check.safetensors')
  await writeWeights(network, weights)
  await peer.request('training.weights', { path: weights })
  const out = join(folder, 'theirs')
  await peer.request('training.forward', { x: points.x, z: points.z, shape: points.shape, out })
  const theirs = floats(await readFile(out))
  const ours = await field(network, points)
  network.dispose()
  const difference = relativeDifference(ours, theirs)
  if (!(difference < TOLERANCE))
    throw new Error(`The two networks differ by ${difference}: nothing to compare`)
}

async function writePoints(network, folder) {
  const uniform = uniforms(4)
  const shape = [IMAGES, ...network.itemShape]
  const points = { x: join(folder, 'check-x'), z: join(folder, 'check-z'), shape }
  await writeFile(points.x, Float32Array.from({ length: IMAGES * network.dimensions }, gaussians(uniform)))
  await writeFile(
    points.z,
    Float32Array.from({ length: IMAGES }, () => 40 * uniform()),
  )
  return points
}

async function field(network, points) {
  const x = await Tensor.from(floats(await readFile(points.x)), points.shape)
  const z = await Tensor.from(floats(await readFile(points.z)), [IMAGES])
  const given = await network.forward(x, z)
  return Float32Array.from([...(await given.x.data()), ...(await given.z.data())])
}
