// The default solver here against the published sampler, RK45 at 1e-4 in eager PyTorch, from the same starts with the
// same network; and against that RK45 as loose as makes the same error.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tensor } from '../../dist/index.js'
import { compare, timed } from './compare.js'
import { floats, meanPixelError } from './vectors.js'
import { writeWeights } from './weights.js'

const COUNT = 64
const PUBLISHED = 1e-4
const LOOSEST = 0.3
/** Bisections of the tolerance's logarithm. */
const BISECTIONS = 8

/**
 * @param {import('../../dist/index.js').PoissonFlow} flow
 * @param {import('./peer.js').Peer} peer
 * @param {number} repeats
 */
export async function benchPublished(flow, peer, repeats) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  try {
    await peer.request('training.network', { config: { ...flow.network.config, labels: 0 } })
    const weights = join(folder, 'weights.safetensors')
    await writeWeights(flow.network, weights)
    // Without a label nothing is added to the embedding.
    await peer.request('training.weights', { path: weights, without: ['map_label.weight'] })
    const sides = await Sides.of(flow, peer, folder)
    const ours = await sides.measure(() => sides.draw())
    const published = await sides.measure(() => sides.rk45(PUBLISHED))
    const loosened = await sides.asExact(ours.error)
    const times = (tolerance) =>
      compare(
        repeats,
        () => timed(() => sides.draw()),
        async () => (await sides.rk45(tolerance)).seconds,
      )
    return {
      count: COUNT,
      ours,
      published: { tolerance: PUBLISHED, ...published, ...(await times(PUBLISHED)) },
      loosened: { ...loosened, ...(await times(loosened.tolerance)) },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Both, from the same starts. */
class Sides {
  #flow
  #peer
  #folder
  #start
  #exact

  static async of(flow, peer, folder) {
    const sides = new Sides()
    sides.#flow = flow
    sides.#peer = peer
    sides.#folder = folder
    const keys = BigUint64Array.from({ length: COUNT }, (_, i) => BigInt(i + 1))
    const flat = await flow.flow.prior(keys, flow.network.dimensions)
    const values = await flat.data()
    sides.#start = await Tensor.from(values, [COUNT, ...flow.network.itemShape])
    await writeFile(join(folder, 'starts'), values)
    sides.#exact = (await sides.draw({ solver: 'rk45', rtol: 1e-7, atol: 1e-7 })).values
    return sides
  }

  async draw(solver = {}) {
    const { images, nfe } = await this.#flow.sample({ start: this.#start, ...solver })
    const values = await images.data()
    images.dispose()
    return { values, evaluations: nfe }
  }

  async rk45(tolerance) {
    const out = join(this.#folder, 'images')
    const { zMax, zMin, zExp, gamma } = this.#flow.config.flow
    const given = { starts: join(this.#folder, 'starts'), shape: [COUNT, ...this.#flow.network.itemShape] }
    const request = { ...given, flow: { zMax, zMin, zExp, gamma }, tolerance, out }
    const { seconds, evaluations } = await this.#peer.request('sampling.rk45', request)
    return { seconds, evaluations, values: floats(await readFile(out)) }
  }

  /** Evaluations, and the mean error of pixels in [0, 1]. */
  async measure(draw) {
    const { values, evaluations } = await draw()
    return { evaluations, error: meanPixelError(values, this.#exact) }
  }

  /** The loosest tolerance of RK45 with at most that error. */
  async asExact(error) {
    let [tight, loose] = [PUBLISHED, LOOSEST]
    let found = { tolerance: tight, ...(await this.measure(() => this.rk45(tight))) }
    for (let i = 0; i < BISECTIONS; i++) {
      const tolerance = Math.sqrt(tight * loose)
      const measured = await this.measure(() => this.rk45(tolerance))
      if (measured.error <= error) {
        tight = tolerance
        found = { tolerance, ...measured }
      } else loose = tolerance
    }
    return found
  }
}
