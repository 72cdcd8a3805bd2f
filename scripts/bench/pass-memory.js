// Run in a process of its own: prints the bytes that a network's first pass needs beyond its weights and the images, at
// its peak, what it keeps for the next ones among them; null where the system does not tell.
import { Network } from '../../dist/index.js'
import { extraBytes } from './extra-bytes.js'
import { pass, randomPoints } from './network.js'

const { config, batch, precision } = JSON.parse(process.argv[2])
const network = await Network.create({ ...config, initScale: 1 }, { seed: 3 })
const { x, z } = await randomPoints(network, batch)
console.log(await extraBytes(() => pass(network, x, z, precision)))
