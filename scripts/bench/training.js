// A training step against the same step in eager PyTorch, and the field's share of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFlow } from '../../dist/flow/kinds.js'
import { datasets, fieldTarget, preset, Tensor } from '../../dist/index.js'
import { Trainer } from '../../dist/train/trainer.js'
import { compare, median, timed } from './compare.js'
import { photographPatches } from './photographs.js'
import { pixelValues } from './pixels.js'
import { expectSameNetwork } from './same-network.js'
import { writeWeights } from './weights.js'

const PUBLISHED = { sigma: 0.01, tau: 0.03, restrictM: true, gamma: 5 }

const CASES = [
  {
    preset: 'digits',
    data: datasets.digits,
    flow: { ...PUBLISHED, M: 261 },
    steps: 5,
    repeats: 9,
  },
  {
    preset: 'cifar10',
    data: () => photographPatches(256),
    flow: { ...PUBLISHED, M: 291 },
    smaller: { batchSize: 16, smallBatchSize: 2 },
    steps: 1,
    repeats: 7,
    long: true,
  },
]

/**
 * @param {import('./peer.js').Peer | undefined} peer
 * @param {{ quick: boolean }} options
 */
export async function benchTraining(peer, { quick }) {
  const rows = []
  for (const wanted of CASES) {
    if (quick && wanted.long) continue
    rows.push(await benchCase(wanted, quick ? Math.min(wanted.repeats, 3) : wanted.repeats, peer))
  }
  return { rows }
}

async function benchCase(wanted, repeats, peer) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  const images = await wanted.data()
  const ours = await OurSteps.prepare(wanted, images)
  try {
    const theirs = peer && (await TheirSteps.prepare(peer, wanted, images, ours.trainer, folder))
    const times = await compare(repeats, () => ours.take(), theirs && (() => theirs.take()))
    const { batchSize, smallBatchSize } = settings(wanted)
    return {
      name: `${wanted.preset}: ${smallBatchSize} of ${batchSize} images`,
      preset: wanted.preset,
      parameters: ours.trainer.parameterCount,
      ...times,
      parts: { ours: ours.parts(), theirs: theirs?.parts() ?? null },
    }
  } finally {
    ours.dispose()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The preset's training settings, on fewer images where the case says so. */
function settings(wanted) {
  return { ...preset(wanted.preset).training, ...wanted.smaller }
}

/** Medians, in seconds a step, of making the batch and of its field. */
function medianParts({ batch, field }) {
  return { batch: median(batch), field: median(field) }
}

class OurSteps {
  #wanted
  #flow
  #data
  #sources
  #step = 0
  #parts = { batch: [], field: [] }

  static async prepare(wanted, images) {
    const steps = new OurSteps()
    const { batchSize } = settings(wanted)
    const shape = [batchSize, ...images.shape]
    const size = shape.reduce((product, length) => product * length)
    steps.#wanted = wanted
    // How paths begin and end does not matter to a batch.
    steps.#flow = createFlow({ kind: 'pfgm', ...wanted.flow, zMax: 40, zMin: 1e-3, upperNorm: 3000, zExp: 5 })
    steps.#data = await Tensor.from(images.values, [images.count, ...images.shape])
    steps.#sources = await Tensor.from(pixelValues(images.values.subarray(0, size)), shape)
    steps.trainer = await Trainer.create(preset(wanted.preset).network, 0n, 'cpu')
    return steps
  }

  /** Takes the case's steps; seconds a step. Beside them, and not counted, the field alone is timed. */
  async take() {
    let seconds = 0
    for (let i = 0; i < this.#wanted.steps; i++) {
      const began = performance.now()
      const batch = await this.#batch()
      const made = performance.now()
      this.#parts.batch.push((made - began) / 1000)
      this.#parts.field.push(await this.#fieldSeconds(batch))
      seconds += (made - began) / 1000 + (await timed(() => this.#update(batch)))
    }
    return seconds / this.#wanted.steps
  }

  #batch() {
    const { batchSize, smallBatchSize } = settings(this.#wanted)
    const settingsOfBatch = { seed: 0n, step: this.#step, batchSize, smallBatchSize }
    const draw = { ...settingsOfBatch, wholeData: false, mirror: false }
    return this.#flow.batch(this.#data, draw, 'cpu')
  }

  #fieldSeconds({ x, z }) {
    return timed(async () => (await fieldTarget(this.#sources, x, z, this.#wanted.flow.gamma)).dispose())
  }

  async #update(batch) {
    const { learningRate, clipNorm, emaRate } = settings(this.#wanted)
    this.#step += 1
    await this.trainer.step(batch, {
      update: this.#step,
      learningRate,
      clipNorm,
      emaDecay: Math.min(emaRate, (1 + this.#step) / (10 + this.#step)),
      furtherEmaDecays: [],
      dropoutSeed: BigInt(this.#step),
    })
  }

  parts() {
    return medianParts(this.#parts)
  }

  dispose() {
    for (const object of [this.#data, this.#sources, this.trainer]) object.dispose()
  }
}

class TheirSteps {
  #peer
  #count
  #parts = { batch: [], field: [] }

  /** Makes the peer's network the same as the library's, with the same weights. */
  static async prepare(peer, wanted, images, trainer, folder) {
    await expectSameNetwork(peer, preset(wanted.preset).network, folder)
    const weights = join(folder, 'weights.safetensors')
    await writeWeights(trainer.network, weights)
    await peer.request('training.weights', { path: weights })
    const pixels = join(folder, 'pixels')
    await writeFile(pixels, images.values)
    await peer.request('training.data', {
      path: pixels,
      shape: [images.count, ...images.shape],
      training: settings(wanted),
      flow: wanted.flow,
    })
    const steps = new TheirSteps()
    steps.#peer = peer
    steps.#count = wanted.steps
    return steps
  }

  async take() {
    const { seconds, batch, field } = await this.#peer.request('training.steps', { count: this.#count })
    this.#parts.batch.push(batch / this.#count)
    this.#parts.field.push(field / this.#count)
    return seconds / this.#count
  }

  parts() {
    return medianParts(this.#parts)
  }
}
