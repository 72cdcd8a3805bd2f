// node scripts/bench/time-to-quality.js [digits | fashion] [SEEDS]: seconds of training until samples are as good as a goal,
// here and in eager PyTorch with the published code's batches: the same network from the same weights, one after the other
// in one process. Every so many steps the averaged weights draw the samples, for both by this package's default solver;
// that is not counted.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHeader } from '../../dist/checkpoint/safetensors.js'
import { datasets, energyDistance, Network, PoissonFlow, preset, Tensor, train } from '../../dist/index.js'
import { frechetDistance } from '../../dist/metrics/feature-distances.js'
import { readTensors } from '../../dist/native/read-tensors.js'
import { describeMachine } from './machine.js'
import { Peer } from './peer.js'
import { expectSameNetwork } from './same-network.js'
import { writeWeights } from './weights.js'

/** Whose samples are compared with what, and how near they shall be; `first`: no model is so good before. */
const CASES = {
  // What samples of the published code score after 1,200 steps.
  digits: {
    learned: datasets.digits,
    compared: datasets.digits,
    distance: energyDistance,
    goal: 0.0024,
    samples: 4500,
    precision: /** @type {const} */ ('float32'),
    every: 100,
    first: 500,
    most: 3000,
  },
  // Kinds of clothes can be told by then.
  fashion: {
    learned: datasets.fashion,
    compared: () => datasets.fashion({ split: 'test' }),
    distance: frechetDistance,
    goal: 5,
    samples: 500,
    precision: /** @type {const} */ ('bfloat16'), // of samples alone, for both: they are not what is timed
    every: 50,
    first: 150,
    most: 2000,
  },
}

const [name = 'digits', seeds = '1'] = process.argv.slice(2)
const { learned, compared, distance, goal, samples, precision, every, first, most } = CASES[name]
const items = await learned()
const data = await tensorOf(await compared())

async function tensorOf({ values, count, shape }) {
  return Tensor.from(values, [count, ...shape])
}

async function distanceOf(flow) {
  const { images } = await flow.sample({ count: samples, seed: 1, precision })
  const found = await distance(images, data)
  images.dispose()
  return found
}

async function ours(seed, folder) {
  const out = join(folder, 'run')
  const options = {
    data: items,
    preset: name,
    labels: false,
    out,
    seed,
    steps: most,
    checkpointEvery: every,
    sampleEvery: 0,
    evaluationCount: 0,
  }
  const events = train(options)
  let seconds = 0
  for (;;) {
    const began = performance.now()
    const { value: event, done } = await events.next()
    seconds += (performance.now() - began) / 1000
    if (done) return undefined
    // What comes before the first step would be counted as training.
    if (event.type === 'start') seconds = 0
    if (event.type !== 'checkpoint' || event.step < first) continue
    const flow = await PoissonFlow.load(event.path)
    const found = await distanceOf(flow)
    flow.dispose()
    console.log(`  here, step ${event.step}: ${found.toPrecision(3)} after ${seconds.toFixed(0)} s`)
    if (found > goal) continue
    await events.return()
    return { steps: event.step, seconds }
  }
}

async function theirs(peer, seed, folder) {
  const { network, training } = preset(name)
  await expectSameNetwork(peer, network, folder)
  const weights = join(folder, 'weights.safetensors')
  const fresh = await Network.create(network, { seed })
  await writeWeights(fresh, weights)
  await peer.request('training.weights', { path: weights })
  const pixels = join(folder, 'pixels')
  await writeFile(pixels, items.values)
  const { config } = await PoissonFlow.load(join(folder, 'run'))
  const shape = [items.count, ...items.shape]
  await peer.request('training.data', { path: pixels, shape, training, flow: config.flow })
  let seconds = 0
  for (let step = every; step <= most; step += every) {
    const taken = await peer.request('training.steps', { count: every })
    seconds += taken.seconds
    if (step < first) continue
    const average = join(folder, 'average.safetensors')
    await peer.request('training.average', { out: average })
    await readTensors(fresh.handle, await readHeader(average))
    const found = await distanceOf(PoissonFlow.of(fresh, { data: name, step, flow: config.flow }))
    console.log(`  PyTorch, step ${step}: ${found.toPrecision(3)} after ${seconds.toFixed(0)} s`)
    if (found <= goal) return { steps: step, seconds }
  }
  return undefined
}

const peer = await Peer.start()
console.log(JSON.stringify(await describeMachine(peer)))
for (let seed = 0; seed < Number(seeds); seed++) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-quality-'))
  const here = await ours(seed, folder)
  const there = peer && (await theirs(peer, seed, folder))
  await rm(folder, { recursive: true })
  const said = (found) => (found ? `${found.seconds.toFixed(0)} s, ${found.steps} steps` : 'not reached')
  const ratio = here && there ? `, ${(there.seconds / here.seconds).toFixed(2)} times as long` : ''
  console.log(`seed ${seed}: here ${said(here)}; PyTorch ${said(there)}${ratio}`)
}
await peer?.end()
