// Sources and queries of the field's cases: real images, and points perturbed off them as in training.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { datasets } from '../../dist/index.js'
import { photographPatches } from './photographs.js'
import { pixelValues } from './pixels.js'
import { gaussians, uniforms } from './random.js'

const SIGMA = 0.01
const GROWTH = 1.03

/**
 * @typedef {object} FieldData
 * @property {string} sources file of float32 `[sources, N]`
 * @property {string} pixels file of the same as uint8 pixels
 * @property {boolean} asPixels whether our side takes the pixels
 * @property {string} x file of float32 `[queries, N]`
 * @property {string} z file of float32 `[queries]`
 * @property {[number, number, number]} shape sources, queries, N
 */

/**
 * Writes a case's numbers to files, from which both sides read them.
 * @param {{ sources: number, queries: number, dimensions: 64 | 3072, M: number, asPixels: boolean }} wanted
 * @param {string} folder
 * @returns {Promise<FieldData>}
 */
export async function writeFieldData({ sources: count, queries, dimensions, M, asPixels }, folder) {
  const pixels = await images(count, dimensions)
  const sources = pixelValues(pixels)
  const { x, z } = perturbed(sources, queries, dimensions, M)
  const values = { sources, pixels, x, z }
  const files = Object.fromEntries(Object.keys(values).map((name) => [name, join(folder, name)]))
  await Promise.all(Object.entries(values).map(([name, value]) => writeFile(files[name], value)))
  return { ...files, asPixels, shape: [count, queries, dimensions] }
}

async function images(count, dimensions) {
  const { values } = dimensions === 64 ? await datasets.digits() : await photographPatches(count)
  return values.subarray(0, count * dimensions)
}

/** x = y + u |eps_x| 1.03^m, z = |eps_z| 1.03^m, with m uniform on [0, M] (arXiv 2209.11178, section 3.2). */
function perturbed(sources, queries, dimensions, M) {
  const uniform = uniforms(2)
  const gaussian = gaussians(uniform)
  const x = new Float32Array(queries * dimensions)
  const z = new Float32Array(queries)
  for (let q = 0; q < queries; q++) {
    const growth = GROWTH ** (uniform() * M)
    const noise = norm(Float64Array.from({ length: dimensions }, () => gaussian() * SIGMA))
    const direction = Float64Array.from({ length: dimensions }, gaussian)
    const scale = (noise * growth) / norm(direction)
    for (let c = 0; c < dimensions; c++) {
      x[q * dimensions + c] = sources[q * dimensions + c] + direction[c] * scale
    }
    z[q] = Math.abs(gaussian() * SIGMA) * growth
  }
  return { x, z }
}

function norm(vector) {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}
