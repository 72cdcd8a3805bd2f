// The two forms of the field against each other, for rows of every length and several numbers of queries: what the
// choice between them in native/field/sums.cpp rests on.
import { fieldTarget, Tensor } from '../../dist/index.js'
import { native } from '../../dist/native/native.js'
import { compare, timed } from './compare.js'
import { gaussians, uniforms } from './random.js'

const SOURCES = 2048
const DIMENSIONS = [64, 128, 192, 256, 512, 1024, 3072]
const QUERIES = [1, 8, 16, 32, 128]
const GAMMA = 5

/** @param {number} repeats */
export async function benchForms(repeats) {
  const kernel = native().fieldKernels()[0]
  const rows = []
  try {
    for (const dimensions of DIMENSIONS) {
      for (const queries of QUERIES) {
        const inputs = await randomInputs(dimensions, queries)
        const timeOf = (form) => () => {
          native().chooseFieldKernel(kernel, form)
          return timed(async () => (await fieldTarget(...inputs, GAMMA)).dispose())
        }
        const { ours, theirs } = await compare(repeats, timeOf('product'), timeOf('differences'))
        rows.push({ dimensions, queries, product: ours.median, differences: theirs.median })
        for (const tensor of inputs) tensor.dispose()
      }
    }
  } finally {
    native().chooseFieldKernel(kernel, 'auto')
  }
  return rows
}

/** Random sources, and queries off them at distances spread evenly in their logarithm, as in training. */
async function randomInputs(dimensions, queries) {
  const uniform = uniforms(3)
  const gaussian = gaussians(uniform)
  const sources = Float32Array.from({ length: SOURCES * dimensions }, () => 2 * uniform() - 1)
  const x = sources.slice(0, queries * dimensions)
  const z = new Float32Array(queries)
  for (let q = 0; q < queries; q++) {
    const scale = 0.01 * 10 ** ((3.5 * (q + 0.5)) / queries)
    for (let c = 0; c < dimensions; c++) x[q * dimensions + c] += gaussian() * scale
    z[q] = Math.abs(gaussian()) * scale
  }
  return [
    await Tensor.from(sources, [SOURCES, dimensions]),
    await Tensor.from(x, [queries, dimensions]),
    await Tensor.from(z, [queries]),
  ]
}
