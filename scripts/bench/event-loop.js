// How late the event loop runs while the library works. Run by itself it prints what it measured; as the bench's child
// it sends that. A process of its own, so that the loop has nothing else to do.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFlow } from '../../dist/flow/kinds.js'
import { datasets, info, Network, PoissonFlow, preset, Tensor, train } from '../../dist/index.js'
import { Trainer } from '../../dist/train/trainer.js'
import { measureDelays } from './delays.js'
import { photographPatches } from './photographs.js'

const quick = process.argv.includes('--quick')
const PATH = { zMax: 40, zMin: 1e-3, upperNorm: 3000, zExp: 5 }
const CIFAR10 = { kind: 'pfgm', sigma: 0.01, tau: 0.03, restrictM: true, gamma: 5, M: 291, ...PATH }

async function idle() {
  return { name: 'nothing', work: () => sleep(quick ? 2000 : 5000) }
}

/** Training as a user runs it, with its log and checkpoints. */
async function digitsTraining(folder) {
  const data = await datasets.digits()
  const work = async () => {
    for await (const event of train({
      data,
      out: join(folder, 'run'),
      preset: 'digits',
      checkpointEvery: 20,
    })) {
      if (event.type === 'step' && event.step === (quick ? 40 : 150)) break
    }
  }
  return { name: 'training digits', work }
}

async function digitsSampling() {
  const flow = await PoissonFlow.load('digits')
  const work = async () => (await flow.sample({ count: quick ? 64 : 256 })).images.dispose()
  return { name: 'sampling digits', work }
}

async function cifarTraining() {
  const images = await photographPatches(256)
  const data = await Tensor.from(images.values, [images.count, ...images.shape])
  const trainer = await Trainer.create(preset('cifar10').network, 0n, 'cpu')
  const flow = createFlow(CIFAR10)
  const work = async () => {
    for (let step = 0; step < (quick ? 3 : 10); step++) {
      const drawn = { seed: 0n, step, batchSize: 64, smallBatchSize: 2, wholeData: false, mirror: true }
      const batch = await flow.batch(data, drawn, 'cpu')
      const update = {
        update: step + 1,
        learningRate: 2e-4,
        clipNorm: 1,
        emaDecay: 0.9,
        furtherEmaDecays: [],
        dropoutSeed: 0n,
      }
      await trainer.step(batch, update)
    }
    trainer.dispose()
  }
  return { name: 'training the CIFAR-10 network', work }
}

async function cifarSampling() {
  const network = await Network.create({ ...preset('cifar10').network, initScale: 1 })
  const model = PoissonFlow.of(network, { flow: CIFAR10, data: 'none', step: 0 })
  const work = () => model.sample({ count: 2, solver: 'euler', steps: quick ? 4 : 12 })
  return { name: 'sampling with the CIFAR-10 network', work }
}

async function measureAll() {
  info() // loads libtorch, once a process and at once: not what is measured here
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-bench-'))
  const rows = []
  try {
    for (const prepare of [idle, digitsTraining, digitsSampling, cifarTraining, cifarSampling]) {
      const prepared = await prepare(folder).catch((error) => {
        console.warn(`Leaving out ${prepare.name}: ${error.message}`)
      })
      if (!prepared) continue
      await sleep(500) // what preparing left behind is over
      rows.push({ name: prepared.name, ...(await measureDelays(prepared.work)) })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return rows
}

const rows = await measureAll()
if (process.send) process.send(rows)
else for (const row of rows) console.log(row)
