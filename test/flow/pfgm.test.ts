import { describe, expect, it } from 'vitest'
import { hyperParameters, logPriorDensity, PFGM, PUBLISHED } from '../../src/flow/pfgm.js'
import { native } from '../../src/native/native.js'
import { float32, golden, goldenJson, maxRelativeRowError } from '../golden.js'

const flowWith = (settings: { zMax?: number; upperNorm?: number } = {}) =>
  PFGM.create({ kind: 'pfgm', ...PUBLISHED, M: 291, zMax: 40, upperNorm: 1e9, ...settings })

describe('hyperParameters', () => {
  it('agrees with the published code', () => {
    const cases = goldenJson<Record<string, number>[]>('hyper-parameters.json')
    expect(cases.length).toBeGreaterThan(0)
    for (const { data_norm, data_dim, sigma, tau, M, z_max, upper_norm } of cases) {
      const found = hyperParameters(data_norm!, data_dim!, { sigma: sigma!, tau: tau! })
      expect(found.M).toBe(M)
      expect(Math.abs(found.zMax / z_max! - 1)).toBeLessThan(1e-6)
      expect(Math.abs(found.upperNorm / upper_norm! - 1)).toBeLessThan(1e-6)
    }
  })

  it('gives every data set a range to learn from', () => {
    expect(hyperParameters(1e-4, 2).M).toBe(1)
    expect(() => hyperParameters(Number.NaN, 2)).toThrow(RangeError)
  })
})

const RADII = goldenJson<{ quantiles: number[]; radius: Record<string, number[]> }>('prior-radius.json')

/** `[dimensions, z_max, quantiles of |x|]` */
const PRIORS = Object.entries(RADII.radius).map(([name, radii]) => {
  const [, dimensions, zMax] = /^N=(\d+),z_max=([\d.]+)$/.exec(name)!
  return [Number(dimensions), Number(zMax), radii] as const
})

/** P(|x| < radius), by integrating the density over the shells up to it, in the angle atan(|x| / z). */
function priorCdf(radius: number, dimensions: number, zMax: number): number {
  // ln of the area of the unit sphere in N dimensions, from the density's own normalisation one dimension lower.
  const logShell = (r: number) =>
    Math.log(2) +
    (dimensions / 2) * Math.log(Math.PI) -
    logGammaHalf(dimensions) +
    (dimensions - 1) * Math.log(r)
  const end = Math.atan(radius / zMax)
  const pieces = 20_000
  let total = 0
  for (let i = 0; i < pieces; i++) {
    // Gauss-Legendre with two points a piece.
    for (const side of [-1, 1]) {
      const angle = ((i + 0.5 + (side * 0.5) / Math.sqrt(3)) / pieces) * end
      const r = zMax * Math.tan(angle)
      total += Math.exp(logPriorDensity(r, dimensions, zMax) + logShell(r)) * (zMax / Math.cos(angle) ** 2)
    }
  }
  return (total * end) / pieces / 2
}

/** ln Gamma(n / 2) for whole n, by its recursion. */
function logGammaHalf(n: number): number {
  let value = n % 2 === 0 ? 0 : Math.log(Math.PI) / 2
  for (let k = n % 2 === 0 ? 2 : 1; k < n; k += 2) value += Math.log(k / 2)
  return value
}

describe('the prior', () => {
  it.each(PRIORS)(
    'N = %d, z_max = %d: the density gives the published quantiles',
    (dimensions, zMax, radii) => {
      for (const [i, radius] of radii.entries()) {
        expect(Math.abs(priorCdf(radius, dimensions, zMax) - RADII.quantiles[i]!)).toBeLessThan(1e-6)
      }
    },
  )

  it.each(PRIORS)(
    'N = %d, z_max = %d: draws follow it, within sampling error',
    async (dimensions, zMax, radii) => {
      const count = dimensions > 1000 ? 2000 : 20_000
      const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(i) * 7919n)
      using starts = await flowWith({ zMax }).prior(keys, dimensions)
      const values = await starts.data()
      const norms = Array.from({ length: count }, (_, i) =>
        Math.hypot(...values.subarray(i * dimensions, (i + 1) * dimensions)),
      )
      for (const [i, radius] of radii.entries()) {
        const expected = RADII.quantiles[i]!
        // Radii below 1 are moved to 1, so quantiles below that cannot be told from one another.
        if (radius <= 1) continue
        const found = norms.filter((norm) => norm < radius).length / count
        const deviation = Math.sqrt((expected * (1 - expected)) / count)
        expect(Math.abs(found - expected)).toBeLessThan(4.5 * deviation)
      }
    },
  )

  it('clips |x| to [1, upper_norm] and has no preferred direction', async () => {
    const keys = BigUint64Array.from({ length: 4000 }, (_, i) => BigInt(i))
    using starts = await flowWith({ zMax: 1, upperNorm: 5 }).prior(keys, 2)
    const values = await starts.data()
    let [x, y] = [0, 0]
    for (let i = 0; i < values.length; i += 2) {
      const norm = Math.hypot(values[i]!, values[i + 1]!)
      expect(norm).toBeGreaterThan(1 - 1e-12)
      expect(norm).toBeLessThan(5 + 1e-12)
      x += values[i]! / norm
      y += values[i + 1]! / norm
    }
    expect(Math.hypot(x, y) / 4000).toBeLessThan(4 / Math.sqrt(4000))
  })

  it('a start depends on its own key alone, bit for bit', async () => {
    using many = await flowWith().prior(BigUint64Array.from([3n, 7n, 2n ** 64n - 1n]), 65)
    using one = await flowWith().prior(BigUint64Array.from([7n]), 65)
    expect((await many.data()).subarray(65, 130)).toEqual(await one.data())
  })
})

describe('perturb', () => {
  it.each(['field-2d', 'field-digits', 'field-3072'])(
    'rebuilds the queries of %s from their draws',
    async (name) => {
      const file = golden(`${name}.safetensors`)
      const dimensions = Number(file.metadata.N)
      const queries = file.array('queries')
      const count = queries.shape[0]!
      const sources = file.array('sources')
      const y = await float32({
        shape: [count, dimensions],
        values: Float32Array.from(sources.values.subarray(0, count * dimensions)),
      })
      const draws = {
        gaussian: await float32(file.array('gaussian')),
        epsX: await float32(file.array('eps_x')),
        epsZ: await float32(file.array('eps_z')),
        m: await float32(file.array('m')),
      }
      const handles = {
        gaussian: draws.gaussian.handle,
        epsX: draws.epsX.handle,
        epsZ: draws.epsZ.handle,
        m: draws.m.handle,
      }
      // The published code raises 1 + tau rounded to float32, which 291 factors later is 8e-6 off.
      const tau = Math.fround(1 + Number(file.metadata.tau)) - 1
      const points = await native().perturb(y.handle, handles, tau)
      const x = new Float32Array(await native().readTensor(points.x.id))
      const z = new Float32Array(await native().readTensor(points.z.id))
      const rebuilt = new Float32Array(queries.values.length)
      for (let i = 0; i < count; i++) {
        rebuilt.set(x.subarray(i * dimensions, (i + 1) * dimensions), i * (dimensions + 1))
        rebuilt[i * (dimensions + 1) + dimensions] = z[i]!
      }
      expect(maxRelativeRowError(rebuilt, queries.values, dimensions + 1)).toBeLessThan(3e-6)
    },
  )
})
