// Passes of the digits network against eager PyTorch, and how long samples take.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Network, PoissonFlow, preset, Tensor } from '../../dist/index.js'
import { compare, median, timed } from './compare.js'
import { gaussians, uniforms } from './random.js'
import { benchSameError } from './same-error.js'
import { expectSameNetwork } from './same-network.js'

const BATCH = 64
const MODEL = 'digits'

const DRAWS = [
  { count: 64, batchTolerance: 'sample', repeats: 3 },
  { count: 64, batchTolerance: 'joint', repeats: 3 },
  { count: 900, batchTolerance: 'sample', repeats: 1 },
]

/**
 * @param {import('./peer.js').Peer | undefined} peer
 * @param {{ quick: boolean }} options
 */
export async function benchSampling(peer, { quick }) {
  const row = await benchPasses(peer, quick ? 3 : 9)
  const flow = await PoissonFlow.load(MODEL).catch((error) => {
    console.warn(`Drawing no samples: ${error.message}`)
  })
  if (!flow) return { rows: [row] }
  try {
    return {
      rows: [row],
      draws: await benchDraws(flow),
      sameError: await benchSameError(flow, quick ? 1 : 3),
    }
  } finally {
    flow.dispose()
  }
}

async function benchPasses(peer, repeats) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  const { network: config } = preset('digits')
  const network = await Network.create(config)
  const points = await writePoints(network, folder)
  const count = 10
  try {
    if (peer) await expectSameNetwork(peer, config, folder)
    const x = await Tensor.from(points.values, points.shape)
    const z = await Tensor.from(points.heights, [BATCH])
    const ours = async () => (await timed(() => passes(network, x, z, count))) / count
    const request = { x: points.x, z: points.z, shape: points.shape, count }
    const theirs = async () => (await peer.request('training.passes', request)).seconds / count
    return {
      name: `digits network, ${BATCH} points a pass`,
      ...(await compare(repeats, ours, peer && theirs)),
    }
  } finally {
    network.dispose()
    await rm(folder, { recursive: true, force: true })
  }
}

async function passes(network, x, z, count) {
  for (let i = 0; i < count; i++) {
    const field = await network.forward(x, z)
    field.x.dispose()
    field.z.dispose()
  }
}

async function writePoints(network, folder) {
  const uniform = uniforms(5)
  const values = Float32Array.from({ length: BATCH * network.dimensions }, gaussians(uniform))
  const heights = Float32Array.from({ length: BATCH }, () => 40 * uniform())
  const points = { x: join(folder, 'x'), z: join(folder, 'z'), shape: [BATCH, ...network.itemShape] }
  await writeFile(points.x, values)
  await writeFile(points.z, heights)
  return { ...points, values, heights }
}

/** Samples of the model that comes with the package, by rk45 at 1e-4. */
async function benchDraws(flow) {
  const draws = []
  for (const { count, batchTolerance, repeats } of DRAWS) {
    const all = []
    let nfe = 0
    for (let i = 0; i < repeats; i++) {
      const began = performance.now()
      const result = await flow.sample({ count, batchTolerance, solver: 'rk45' })
      all.push((performance.now() - began) / 1000)
      nfe = result.nfe
      result.images.dispose()
    }
    draws.push({ count, batchTolerance, nfe, seconds: { median: median(all), all } })
  }
  return draws
}
