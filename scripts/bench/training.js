// A training step against the same step in PyTorch, eager and compiled, and the field's share of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFlow } from '../../dist/flow/kinds.js'
import { datasets, fieldTarget, preset, setThreads, Tensor } from '../../dist/index.js'
import { Trainer } from '../../dist/train/trainer.js'
import { inTurn, median, timed } from './compare.js'
import { inOwnProcess } from './extra-bytes.js'
import { Peer } from './peer.js'
import { photographPatches } from './photographs.js'
import { pixelValues } from './pixels.js'
import { expectSameNetwork } from './same-network.js'
import { writeWeights } from './weights.js'

const PUBLISHED = { sigma: 0.01, tau: 0.03, restrictM: true, gamma: 5 }

const CASES = {
  digits: { data: datasets.digits, flow: { ...PUBLISHED, M: 261 }, steps: 5, repeats: 9, compiles: true },
  fashion: {
    data: datasets.fashion,
    flow: { ...PUBLISHED, M: 275 },
    smaller: { batchSize: 1024, smallBatchSize: 64 },
    steps: 1,
    repeats: 9,
    compiles: true,
  },
  // To compile it takes more than seven minutes.
  cifar10: {
    data: () => photographPatches(256),
    flow: { ...PUBLISHED, M: 291 },
    smaller: { batchSize: 16, smallBatchSize: 8 },
    steps: 1,
    repeats: 5,
    long: true,
  },
}

/**
 * @param {import('./peer.js').Peer | undefined} peer
 * @param {{ quick: boolean }} options
 */
export async function benchTraining(peer, { quick }) {
  const rows = []
  for (const [name, { long }] of Object.entries(CASES)) {
    if (quick && long) continue
    console.log(`  ${name}`)
    rows.push(await benchCase(name, quick, peer))
  }
  return { rows }
}

async function benchCase(name, quick, peer) {
  const wanted = CASES[name]
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  const images = await wanted.data()
  const ours = await OurSteps.prepare(name, images)
  const rounded = await OurSteps.prepare(name, images, 'bfloat16')
  try {
    const theirs = peer && (await TheirSteps.prepare(peer, name, images, ours.trainer, folder))
    const compiles = theirs && wanted.compiles && !quick
    if (compiles) await peer.request('training.compile', {})
    const sides = [ours, rounded, ...(theirs ? [theirs] : []), ...(compiles ? [theirs.compiled()] : [])]
    const repeats = quick ? 3 : wanted.repeats
    const [exact, bfloat16, eager, compiled] = await inTurn(
      repeats,
      sides.map((side) => () => side.take()),
    )
    const { batchSize, smallBatchSize } = settings(name)
    return {
      name: `${name}: ${smallBatchSize} of ${batchSize} images`,
      preset: name,
      parameters: ours.trainer.parameterCount,
      ours: exact,
      rounded: bfloat16,
      ...(eager && { theirs: eager, ratio: eager.median / exact.median }),
      ...(compiled && { compiled }),
      parts: { ours: ours.parts(), theirs: theirs?.parts() ?? null },
      memory: await memoryOf(name, peer !== undefined),
    }
  } finally {
    ours.dispose()
    rounded.dispose()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Bytes that the first step takes beyond weights and data, each in a process of its own. */
async function memoryOf(name, hasPeer) {
  return {
    ours: await inOwnProcess('step-memory.js', { name }),
    recomputed: await inOwnProcess('step-memory.js', { name, recompute: true }),
    theirs: hasPeer ? await theirExtraBytes(name) : null,
  }
}

async function theirExtraBytes(name) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  const peer = await Peer.start()
  try {
    await peer.request('versions', { threads: await setThreads() })
    await peer.request('training.network', { config: preset(name).network })
    await TheirSteps.load(peer, name, await CASES[name].data(), folder)
    return (await peer.request('training.memory', {})).bytes
  } finally {
    await peer.end()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The preset's training settings, on fewer images where the case says so. */
function settings(name) {
  return { ...preset(name).training, ...CASES[name].smaller }
}

/** Medians, in seconds a step, of making the batch and of its field. */
function medianParts({ batch, field }) {
  return { batch: median(batch), field: median(field) }
}

/** Our steps of a case. */
export class OurSteps {
  #name
  #precision
  #recompute
  #flow
  #data
  #sources
  #step = 0
  #parts = { batch: [], field: [] }

  static async prepare(name, images, precision = 'float32', recompute = false) {
    const steps = new OurSteps()
    const { batchSize } = settings(name)
    const shape = [batchSize, ...images.shape]
    const size = shape.reduce((product, length) => product * length)
    steps.#name = name
    steps.#precision = precision
    steps.#recompute = recompute
    // How paths begin and end does not matter to a batch.
    const ends = { zMax: 40, zMin: 1e-3, upperNorm: 3000, zExp: 5 }
    steps.#flow = createFlow({ kind: 'pfgm', ...CASES[name].flow, ...ends })
    steps.#data = await Tensor.from(images.values, [images.count, ...images.shape])
    steps.#sources = await Tensor.from(pixelValues(images.values.subarray(0, size)), shape)
    steps.trainer = await Trainer.create(preset(name).network, 0n, 'cpu')
    return steps
  }

  /** A case's steps in a process of their own. */
  static async ofCase(name, recompute) {
    return OurSteps.prepare(name, await CASES[name].data(), 'float32', recompute)
  }

  /** Takes the case's steps; seconds a step. Beside them, and not counted, the field alone is timed. */
  async take() {
    const { steps } = CASES[this.#name]
    let seconds = 0
    for (let i = 0; i < steps; i++) {
      const began = performance.now()
      const batch = await this.#batch()
      const made = performance.now()
      this.#parts.batch.push((made - began) / 1000)
      this.#parts.field.push(await this.#fieldSeconds(batch))
      seconds += (made - began) / 1000 + (await timed(() => this.#update(batch)))
    }
    return seconds / steps
  }

  /** One step. */
  async one() {
    await this.#update(await this.#batch())
  }

  #batch() {
    const { batchSize, smallBatchSize } = settings(this.#name)
    const settingsOfBatch = { seed: 0n, step: this.#step, batchSize, smallBatchSize }
    const draw = { ...settingsOfBatch, wholeData: false, mirror: false }
    return this.#flow.batch(this.#data, draw, 'cpu')
  }

  #fieldSeconds({ x, z }) {
    return timed(async () => (await fieldTarget(this.#sources, x, z, CASES[this.#name].flow.gamma)).dispose())
  }

  async #update(batch) {
    const { learningRate, clipNorm, emaRate } = settings(this.#name)
    this.#step += 1
    await this.trainer.step(batch, {
      update: this.#step,
      learningRate,
      clipNorm,
      emaDecay: Math.min(emaRate, (1 + this.#step) / (10 + this.#step)),
      furtherEmaDecays: [],
      dropoutSeed: BigInt(this.#step),
      pass: { accumulate: 1, recompute: this.#recompute, precision: this.#precision },
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
  static async prepare(peer, name, images, trainer, folder) {
    await expectSameNetwork(peer, preset(name).network, folder)
    const weights = join(folder, 'weights.safetensors')
    await writeWeights(trainer.network, weights)
    await peer.request('training.weights', { path: weights })
    await TheirSteps.load(peer, name, images, folder)
    const steps = new TheirSteps()
    steps.#peer = peer
    steps.#count = CASES[name].steps
    return steps
  }

  /** Gives the peer the case's data and settings. */
  static async load(peer, name, images, folder) {
    const pixels = join(folder, 'pixels')
    await writeFile(pixels, images.values)
    await peer.request('training.data', {
      path: pixels,
      shape: [images.count, ...images.shape],
      training: settings(name),
      flow: CASES[name].flow,
    })
  }

  async take(name = 'eager') {
    const { seconds, batch, field } = await this.#peer.request('training.steps', { count: this.#count, name })
    this.#parts.batch.push(batch / this.#count)
    this.#parts.field.push(field / this.#count)
    return seconds / this.#count
  }

  /** The same steps by a compiled network. */
  compiled() {
    return { take: () => this.take('compile') }
  }

  parts() {
    return medianParts(this.#parts)
  }
}
