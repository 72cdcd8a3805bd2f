// Draws with the model that comes with the package, in a process of its own, and prints hashes of the values' bits.
// Argument: threads, or 0 for those of the environment.
import { createHash } from 'node:crypto'
import { PoissonFlow, setThreads, Tensor } from '../../dist/index.js'

const threads = Number(process.argv[2])
if (threads > 0) await setThreads(threads)
const flow = await PoissonFlow.load('digits')
const settings = { solver: 'heun', steps: 2 }

/** @returns {Promise<string[]>} one an image */
async function hashes(result) {
  const { images } = await result
  const values = await images.data()
  const size = images.size / images.shape[0]
  images.dispose()
  return Array.from({ length: values.length / size }, (_, i) => hash(values.slice(i * size, (i + 1) * size)))
}

function hash(values) {
  return createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex').slice(0, 16)
}

const first = await hashes(flow.sample({ ...settings, count: 24 }))
const callers = Array.from({ length: 64 }, (_, i) =>
  hashes(flow.sample({ ...settings, count: 1, seed: i % 24 })),
)
const concurrent = (await Promise.all(callers)).flat()
const again = await hashes(flow.sample({ ...settings, count: 24 }))
const pictures = await Tensor.full([10, 1, 8, 8], 0.25, 'float32')
const { logLikelihoods } = await flow.logLikelihood(pictures, { rtol: 1, atol: 1, probes: 1 })
console.log(JSON.stringify({ first, concurrent, again, likelihoods: hash(logLikelihoods) }))
process.exit()
