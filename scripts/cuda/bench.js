// Times the field's training target on the device that PFGM_TEST_DEVICE names, its result read back each time.
//   --json FILE  also writes the figures there, after each case, as it may be stopped
import { parseArgs } from 'node:util'
import { fieldTarget, Tensor } from '../../dist/index.js'
import { writeJson } from '../install/cache.js'

const DEVICE = process.env.PFGM_TEST_DEVICE ?? 'cpu'
const CASES = [
  { sources: 512, queries: 128, n: 64 },
  { sources: 4096, queries: 128, n: 3072 },
  { sources: 50_000, queries: 128, n: 3072 },
]
const REPEATS = 9

function uniform(count) {
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++) values[i] = Math.random() * 2 - 1
  return values
}

/** Queries at distances from near one source to where all count, as in training. */
function perturbed(sources, queries, n) {
  const x = new Float32Array(queries * n)
  const z = new Float32Array(queries)
  for (let q = 0; q < queries; q++) {
    const scale = 0.01 * 1.03 ** ((291 * q) / queries)
    z[q] = scale
    for (let c = 0; c < n; c++) x[q * n + c] = sources[q * n + c] + scale * (Math.random() * 2 - 1)
  }
  return { x, z }
}

/** Milliseconds of each repeat, the quickest first; the first, which also loads what is needed, is left out. */
async function time({ sources: count, queries, n }) {
  const values = uniform(count * n)
  const { x, z } = perturbed(values, queries, n)
  const sources = await Tensor.from(values, [count, n], { device: DEVICE })
  const points = await Tensor.from(x, [queries, n], { device: DEVICE })
  const heights = await Tensor.from(z, [queries], { device: DEVICE })
  const times = []
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const start = performance.now()
    const target = await fieldTarget(sources, points, heights)
    await target.data()
    if (repeat > 0) times.push(performance.now() - start)
    target.dispose()
  }
  for (const tensor of [sources, points, heights]) tensor.dispose()
  return times.sort((a, b) => a - b)
}

const { json } = parseArgs({ options: { json: { type: 'string' } } }).values
const figures = []
for (const each of CASES) {
  const times = await time(each)
  const [fastest, median] = [times[0], times[Math.floor(times.length / 2)]]
  figures.push({ device: DEVICE, ...each, median_ms: median, fastest_ms: fastest })
  if (json) writeJson(json, figures)
  console.log(
    `${DEVICE}: ${each.sources} sources x ${each.queries} queries, N = ${each.n}: ${median.toFixed(2)} ms`,
  )
}
