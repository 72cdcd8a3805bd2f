import { describe, expect, it } from 'vitest'
import type { SampleOptions } from '../../src/poisson-flow.js'
import { float32, golden, maxAbsoluteError } from '../golden.js'
import { publishedFlow } from '../published-flow.js'

const file = golden('ddpmpp-digits/samples.safetensors')

describe('samples from given starts agree with the published samplers', () => {
  const published = { batchTolerance: 'joint', publishedEpsilon: true } as const
  const cases: [string, SampleOptions, number][] = [
    ['rk45_tight', { solver: 'rk45', rtol: 1e-7, atol: 1e-7 }, 1e-5],
    ['rk45', { solver: 'rk45' }, 1e-4],
    ['euler_10', { solver: 'euler', steps: 10 }, 5e-4],
    ['euler_20', { solver: 'euler', steps: 20 }, 1e-5],
    ['euler_100', { solver: 'euler', steps: 100 }, 1e-5],
    ['heun_10', { solver: 'heun', steps: 10 }, 1e-4],
    ['heun_20', { solver: 'heun', steps: 20 }, 1e-5],
    ['heun_100', { solver: 'heun', steps: 100 }, 1e-5],
  ]
  it.each(cases)('%s', async (name, options, tolerance) => {
    using flow = await publishedFlow()
    using start = await float32(file.array('start'))
    const { images, nfe } = await flow.sample({ count: 8, start, ...published, ...options })
    const pixels = (await images.data()).map((value) => (value + 1) / 2)
    images.dispose()
    expect(maxAbsoluteError(pixels, file.array(name).values)).toBeLessThan(tolerance)
    // At 1e-7 the error estimate sees the network's float32 rounding, which decides the number of steps.
    if (name !== 'rk45_tight') expect(nfe).toBe(Number(file.metadata[`${name}_nfe`]))
  })
})
