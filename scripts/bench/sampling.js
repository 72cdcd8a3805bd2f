// How long samples take.
import { PoissonFlow } from '../../dist/index.js'
import { median } from './compare.js'
import { benchPublished } from './published.js'
import { benchSameError } from './same-error.js'

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
  const flow = await PoissonFlow.load(MODEL)
  try {
    return {
      one: await benchOneByOne(flow),
      published: peer && (await benchPublished(flow, peer, quick ? 1 : 5)),
      draws: await benchDraws(flow),
      sameError: await benchSameError(flow, quick ? 1 : 3),
    }
  } finally {
    flow.dispose()
  }
}

/** Images a second, each drawn when the one before is done, by the default solver. */
async function benchOneByOne(flow) {
  const IMAGES = 60
  const began = performance.now()
  for (let seed = 0; seed < IMAGES; seed++) (await flow.sample({ count: 1, seed })).images.dispose()
  return { rate: IMAGES / ((performance.now() - began) / 1000) }
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
