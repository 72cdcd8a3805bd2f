// rk45 with steps of each sample's own against the published steps of the whole batch, at the same true error.
import { median } from './compare.js'
import { meanPixelError } from './vectors.js'

const COUNT = 64
const REFERENCE = 1e-7
/** Of the published sampler. */
const PUBLISHED = 1e-4
/** How far apart two errors may be and count as the same. */
const SAME = 0.03

/**
 * @param {import('../../dist/index.js').PoissonFlow} flow
 * @param {number} repeats
 */
export async function benchSameError(flow, repeats) {
  const { values: exact } = await draw(flow, 'sample', REFERENCE)
  const joint = await measure(flow, 'joint', PUBLISHED, exact)
  const sample = await matchError(flow, joint.error, exact)
  const runs = [joint, sample]
  const seconds = runs.map(() => [])
  for (let i = 0; i < repeats; i++) {
    for (const [k, { batchTolerance, tolerance }] of runs.entries()) {
      seconds[k].push((await draw(flow, batchTolerance, tolerance)).seconds)
    }
  }
  return runs.map((run, k) => ({ ...run, seconds: { median: median(seconds[k]), all: seconds[k] } }))
}

/** The tolerance, and what it costs, at which steps of each sample's own have that mean error. */
async function matchError(flow, error, exact) {
  let tolerance = PUBLISHED
  let found
  for (let i = 0; i < 20; i++) {
    found = await measure(flow, 'sample', tolerance, exact)
    if (Math.abs(found.error / error - 1) < SAME) return found
    // The error is about proportional to the tolerance; a square root of the step keeps the search from swinging.
    tolerance *= Math.sqrt(error / found.error)
  }
  throw new Error(`Expected an error of ${error} but the search ended at ${found.error}`)
}

async function measure(flow, batchTolerance, tolerance, exact) {
  const { values, rows } = await draw(flow, batchTolerance, tolerance)
  return { batchTolerance, tolerance, rows, error: meanPixelError(values, exact) }
}

async function draw(flow, batchTolerance, tolerance) {
  const began = performance.now()
  const { images, evaluations } = await flow.sample({
    count: COUNT,
    batchTolerance,
    solver: 'rk45',
    rtol: tolerance,
    atol: tolerance,
  })
  const seconds = (performance.now() - began) / 1000
  const values = await images.data()
  images.dispose()
  return { values, seconds, rows: evaluations.reduce((sum, spent) => sum + spent, 0) }
}
