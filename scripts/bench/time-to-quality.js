// node scripts/bench/time-to-quality.js [SEEDS]: seconds of training until 4,500 samples of the digits preset are as near to
// the digits as those of the published code after 1,200 steps, an energy distance of .0024, here and in eager PyTorch with
// the published code's batches: the same network from the same weights, one after the other in one process. Every 100
// steps the averaged weights draw the samples, for both by this package's default solver; that is not counted.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readHeader } from '../../dist/checkpoint/safetensors.js'
import { datasets, energyDistance, Network, PoissonFlow, preset, Tensor, train } from '../../dist/index.js'
import { readTensors } from '../../dist/native/read-tensors.js'
import { describeMachine } from './machine.js'
import { Peer } from './peer.js'
import { expectSameNetwork } from './same-network.js'
import { writeWeights } from './weights.js'

const GOAL = 0.0024
const SAMPLES = 4500
const EVERY = 100
/** No model is so good before. */
const FIRST = 500
const MOST = 3000

const digits = await datasets.digits()
const data = await Tensor.from(digits.values, [digits.count, ...digits.shape])

async function distanceOf(flow) {
  const { images } = await flow.sample({ count: SAMPLES, seed: 1 })
  const distance = await energyDistance(images, data)
  images.dispose()
  return distance
}

async function ours(seed, folder) {
  const out = join(folder, 'run')
  const options = {
    data: digits,
    out,
    seed,
    steps: MOST,
    checkpointEvery: EVERY,
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
    if (event.type !== 'checkpoint' || event.step < FIRST) continue
    const flow = await PoissonFlow.load(event.path)
    const distance = await distanceOf(flow)
    flow.dispose()
    console.log(`  here, step ${event.step}: ${distance.toFixed(4)} after ${seconds.toFixed(0)} s`)
    if (distance > GOAL) continue
    await events.return()
    return { steps: event.step, seconds }
  }
}

async function theirs(peer, seed, folder) {
  const { network, training } = preset('digits')
  await expectSameNetwork(peer, network, folder)
  const weights = join(folder, 'weights.safetensors')
  const fresh = await Network.create(network, { seed })
  await writeWeights(fresh, weights)
  await peer.request('training.weights', { path: weights })
  const pixels = join(folder, 'pixels')
  await writeFile(pixels, digits.values)
  const { config } = await PoissonFlow.load(join(folder, 'run'))
  const shape = [digits.count, ...digits.shape]
  await peer.request('training.data', { path: pixels, shape, training, flow: config.flow })
  let seconds = 0
  for (let step = EVERY; step <= MOST; step += EVERY) {
    const taken = await peer.request('training.steps', { count: EVERY })
    seconds += taken.seconds
    if (step < FIRST) continue
    const average = join(folder, 'average.safetensors')
    await peer.request('training.average', { out: average })
    await readTensors(fresh.handle, await readHeader(average))
    const distance = await distanceOf(PoissonFlow.of(fresh, { data: 'digits', step, flow: config.flow }))
    console.log(`  PyTorch, step ${step}: ${distance.toFixed(4)} after ${seconds.toFixed(0)} s`)
    if (distance <= GOAL) return { steps: step, seconds }
  }
  return undefined
}

const peer = await Peer.start()
console.log(JSON.stringify(await describeMachine(peer)))
for (let seed = 0; seed < Number(process.argv[2] ?? 1); seed++) {
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-quality-'))
  const here = await ours(seed, folder)
  const there = peer && (await theirs(peer, seed, folder))
  await rm(folder, { recursive: true })
  const said = (found) => (found ? `${found.seconds.toFixed(0)} s, ${found.steps} steps` : 'not reached')
  const ratio = here && there ? `, ${(there.seconds / here.seconds).toFixed(2)} times as long` : ''
  console.log(`seed ${seed}: here ${said(here)}; PyTorch ${said(there)}${ratio}`)
}
await peer?.end()
