// From the start of a process to its first image, against what importing torch takes alone; and what a call costs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Network, Tensor } from '../../dist/index.js'
import { native } from '../../dist/native/native.js'
import { inTurn, median, timed } from './compare.js'
import { peerPython } from './peer-environment.js'

const FIRST_IMAGE = `
  const { PoissonFlow } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
  const flow = await PoissonFlow.load('digits')
  await flow.sample({ count: 1 })
  process.exit()`
const CALLS = 2000

/**
 * @param {import('./peer.js').Peer | undefined} peer
 * @param {{ quick: boolean }} options
 */
export async function benchStart(peer, { quick }) {
  const ours = () => timed(() => ended(process.execPath, ['--input-type=module', '-e', FIRST_IMAGE]))
  const python = peer && (await peerPython())
  const theirs = python ? [() => timed(() => ended(python, ['-c', 'import torch']))] : []
  const [first, importing] = await inTurn(quick ? 3 : 9, [ours, ...theirs])
  return { firstImage: first, importTorch: importing, ...(await crossings()) }
}

async function ended(command, args) {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const [code] = await once(spawn(command, args, { stdio: 'ignore', cwd }), 'exit')
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
}

/** Seconds of a call that is answered at once, and of one that goes through a device's queue. */
async function crossings() {
  const network = await Network.create({ kind: 'mlp', dimensions: 1, width: 4, depth: 1 })
  const one = await Tensor.from(new Float64Array(1), [1, 1])
  const key = new BigUint64Array(1)
  const addon = native()
  const [synchronous, queued] = [[], []]
  for (let i = 0; i < CALLS; i++) {
    let began = performance.now()
    addon.weightsVersion(network.handle)
    synchronous.push((performance.now() - began) / 1000)
    began = performance.now()
    const { id } = await addon.dequantize(one.handle, key, 256)
    queued.push((performance.now() - began) / 1000)
    addon.dispose(id)
  }
  network.dispose()
  one.dispose()
  return { synchronous: median(synchronous), queued: median(queued) }
}
