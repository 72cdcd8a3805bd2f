// Passes of networks against the engines that a user could run them with instead: eager PyTorch, torch.compile, ONNX
// Runtime, OpenVINO and ncnn, in float32 and, where the processor has it, in bfloat16.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Network, preset, setThreads, Tensor } from '../../dist/index.js'
import { multiplications } from '../../dist/nn/multiplications.js'
import { inTurn, timed } from './compare.js'
import { inOwnProcess } from './extra-bytes.js'
import { Peer } from './peer.js'
import { gaussians, uniforms } from './random.js'
import { expectSameNetwork } from './same-network.js'
import { relativeDifference } from './vectors.js'
import { writeWeights } from './weights.js'

const DIGITS = { ...preset('digits').network, labels: 0 }

const CASES = [
  {
    name: 'CIFAR-10 DDPM++',
    config: preset('cifar10').network,
    batches: [1, 8, 32],
    long: true,
    // They take minutes, to compile or a pass.
    without: { 1: ['compile'], 8: ['compile'], 32: ['compile', 'eager bf16'] },
  },
  { name: 'digits', config: DIGITS, batches: [1, 8, 64, 512] },
  {
    name: '28 x 28',
    config: { ...DIGITS, imageSize: 28, nf: 64, chMult: [1, 2, 2], numResBlocks: 1, attnResolutions: [14] },
    batches: [1, 64],
  },
]

const FLOAT32 = ['eager', 'compile', 'onnxruntime', 'openvino', 'ncnn']
const BFLOAT16 = ['eager bf16', 'openvino bf16']
/** Takes an image at a time. */
const ALONE = 'ncnn'
/** Of a compiler's memory most is its own. */
const MEMORY = ['eager', 'onnxruntime', 'openvino', 'ncnn']

/**
 * @param {import('./peer.js').Peer | undefined} peer
 * @param {{ quick: boolean }} options
 */
export async function benchNetwork(peer, { quick }) {
  const { bfloat16, ...versions } = (await peer?.request('engines.describe', {})) ?? {}
  const engines = peer ? [...FLOAT32, ...(bfloat16 ? BFLOAT16 : [])] : []
  const rate = (await peer?.request('engines.rate', {}))?.rate
  const rows = []
  for (const { name, config, batches, long, without = {} } of CASES) {
    if (quick && long) continue
    for (const batch of batches) {
      console.log(`  ${name}, ${batch}`)
      const used = engines.filter(
        (engine) => !without[batch]?.includes(engine) && (engine !== ALONE || batch === 1),
      )
      const row = await benchRow(config, batch, used, peer, quick ? 3 : 7)
      const memory = await memoryOf(config, batch, engines)
      rows.push({ name: `${name}, ${batch}`, ...row, memory })
    }
  }
  return { rows, engines: [...FLOAT32, ...BFLOAT16], versions, rate }
}

async function benchRow(config, batch, engines, peer, repeats) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  const network = await Network.create({ ...config, initScale: 1 }, { seed: 3 })
  try {
    const { points, x, z } = await writePoints(network, batch, folder)
    if (peer) {
      await expectSameNetwork(peer, config, folder)
      const weights = join(folder, 'weights.safetensors')
      await writeWeights(network, weights)
      await peer.request('training.weights', { path: weights })
      const request = { x: points.x, z: points.z, shape: points.shape }
      for (const name of engines) await peer.request('engines.prepare', { name, ...request })
    }
    const ours = (precision) => () => timed(() => pass(network, x, z, precision))
    const passOf = (name) => async () => (await peer.request('engines.passes', { name, count: 1 })).seconds
    const own = ['float32', 'bfloat16'].map(ours)
    const [exact, rounded, ...times] = await inTurn(repeats, [...own, ...engines.map(passOf)])
    const theirs = Object.fromEntries(engines.map((name, i) => [name, times[i]]))
    const ratio = theirs.eager && theirs.eager.median / exact.median
    const error = await roundingError(network, x, z)
    return { multiplications: multiplications(config) * batch, ours: exact, rounded, error, theirs, ratio }
  } finally {
    network.dispose()
    await peer?.request('engines.drop', {})
    await rm(folder, { recursive: true, force: true })
  }
}

/** One pass, whose result goes again. */
export async function pass(network, x, z, precision = 'float32') {
  const field = await network.forward(x, z, undefined, { precision })
  field.x.dispose()
  field.z.dispose()
}

/** What bfloat16 moves the output by, in parts of its norm. */
async function roundingError(network, x, z) {
  const [exact, rounded] = await Promise.all(
    ['float32', 'bfloat16'].map(async (precision) => {
      const field = await network.forward(x, z, undefined, { precision })
      const values = await field.x.data()
      field.x.dispose()
      field.z.dispose()
      return values
    }),
  )
  return relativeDifference(rounded, exact)
}

/** Bytes beyond the network that a pass and what it needs of packed weights take: here and by the peer's engines. */
async function memoryOf(config, batch, engines) {
  const own = { float32: 'ours', bfloat16: 'ours bf16' }
  const bytes = {}
  for (const [precision, name] of Object.entries(own)) {
    bytes[name] = await inOwnProcess('pass-memory.js', { config, batch, precision })
  }
  for (const name of MEMORY.filter((each) => engines.includes(each))) {
    if (name !== ALONE || batch === 1) bytes[name] = await theirExtraBytes(config, batch, name)
  }
  return bytes
}

/** In a process of its own too. */
async function theirExtraBytes(config, batch, name) {
  const peer = await Peer.start()
  try {
    await peer.request('versions', { threads: await setThreads() })
    await peer.request('training.network', { config })
    return (await peer.request('engines.memory', { name, batch })).bytes
  } finally {
    await peer.end()
  }
}

/** Points for a network: their values, and tensors of them. */
export async function randomPoints(network, batch) {
  const uniform = uniforms(5)
  const values = Float32Array.from({ length: batch * network.dimensions }, gaussians(uniform))
  const heights = Float32Array.from({ length: batch }, () => 40 * uniform())
  const x = await Tensor.from(values, [batch, ...network.itemShape])
  return { values, heights, x, z: await Tensor.from(heights, [batch]) }
}

async function writePoints(network, batch, folder) {
  const { values, heights, ...tensors } = await randomPoints(network, batch)
  const points = { x: join(folder, 'x'), z: join(folder, 'z'), shape: [batch, ...network.itemShape] }
  await writeFile(points.x, values)
  await writeFile(points.z, heights)
  return { points, ...tensors }
}
