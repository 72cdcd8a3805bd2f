// npm run bench: measures the library against eager PyTorch and writes bench/ and the figures of docs/performance.md.
//   --quick         fewer repeats, and without what takes long
//   --only SECTION  field, network, training, sampling, scaling, start, event-loop or service; the others keep their figures
import { parseArgs } from 'node:util'
import { buildLibrary } from './library.js'
import { Peer } from './peer.js'

const SECTIONS = {
  field: async () => (await import('./field.js')).benchField,
  network: async () => (await import('./network.js')).benchNetwork,
  training: async () => (await import('./training.js')).benchTraining,
  sampling: async () => (await import('./sampling.js')).benchSampling,
  scaling: async () => (await import('./scaling.js')).benchScaling,
  start: async () => (await import('./start.js')).benchStart,
  'event-loop': async () => (await import('./event-loop-bench.js')).benchEventLoop,
  service: async () => (await import('./service.js')).benchService,
}

/** Sections of what PyTorch has nothing like. */
const WITHOUT_PEER = ['event-loop', 'scaling', 'service']

async function main() {
  const { quick, only } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  }).values
  if (only !== undefined && !(only in SECTIONS)) {
    throw new Error(`Expected --only to be one of ${Object.keys(SECTIONS).join(', ')} but received ${only}`)
  }
  buildLibrary()
  const { describeMachine } = await import('./machine.js')
  const { readResults, writeResults } = await import('./results.js')
  const results = readResults()
  for (const [name, load] of Object.entries(SECTIONS)) {
    if (only !== undefined && name !== only) continue
    console.log(`Measuring ${name}`)
    const bench = await load()
    const peer = WITHOUT_PEER.includes(name) ? undefined : await Peer.start()
    try {
      const machine = await describeMachine(peer)
      const measured = await bench(peer, { quick })
      results[name] = { date: new Date().toISOString().slice(0, 10), quick, machine, ...measured }
    } finally {
      await peer?.end()
    }
  }
  await writeResults(results)
}

await main()
