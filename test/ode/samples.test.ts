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

describe('every other method reaches the same images', () => {
  const cases: [SampleOptions, number][] = [
    [{ solver: 'tsit5' }, 2e-4],
    [{ solver: 'bs23' }, 2e-4],
    [{ solver: 'rk45', controller: 'pi' }, 2e-4],
    [{ solver: 'rk45', controller: 'pid' }, 2e-4],
    [{ solver: 'rk4', steps: 40 }, 2e-4],
    [{ solver: 'rk45', controller: 'constant', steps: 30 }, 1e-4],
    [{ solver: 'heun', schedule: 'karras', steps: 40 }, 1e-3],
  ]
  it.each(cases)('%j', async (options, tolerance) => {
    const { error } = await meanError(options)
    expect(error).toBeLessThan(tolerance)
  })
})

describe('multistep methods take one evaluation a step and come as near as measured', () => {
  const cases: [SampleOptions, number][] = [
    [{ solver: 'dpm2m', steps: 15 }, 0.0045],
    [{ solver: 'dpm2m', steps: 20 }, 0.0025],
    [{ solver: 'dpm3m', steps: 20 }, 0.0018],
    [{ solver: 'dpm3m', steps: 50 }, 0.0002],
    [{ solver: 'unipc', steps: 15 }, 0.005],
    [{ solver: 'unipc', steps: 20 }, 0.002],
    [{ solver: 'unipc', steps: 50 }, 0.0002],
    [{ solver: 'ipndm', order: 2, steps: 15 }, 0.005],
    [{ solver: 'ipndm', steps: 50 }, 0.0002],
    [{ solver: 'deis', steps: 20 }, 0.005],
    [{ solver: 'deis', steps: 50 }, 0.0007],
    [{ solver: 'dpm2m', schedule: 'uniform', steps: 20 }, 0.002],
  ]
  it.each(cases)('%j', async (options, tolerance) => {
    const { error, nfe } = await meanError(options)
    expect(nfe).toBe(options.steps)
    expect(error).toBeLessThan(tolerance)
  })
})

describe('adaptive multistep takes about as many evaluations as measured and comes as near', () => {
  const cases: [SampleOptions, number, number][] = [
    [{ rtol: 0.08, atol: 0.016, order: 2 }, 13, 0.008],
    [{ rtol: 0.0207, atol: 0.01035 }, 16, 0.004],
    [{}, 27, 0.001],
    [{ rtol: 0.00095, atol: 0.000475 }, 52, 0.0001],
  ]
  it.each(cases)('%j', async (options, most, tolerance) => {
    const { error, nfe } = await meanError({ solver: 'adaptive-unipc', publishedEpsilon: false, ...options })
    expect(nfe).toBeLessThan(most)
    expect(error).toBeLessThan(tolerance)
  })
})

/** Mean |error| in [0, 1] pixels from the golden's 8 starts, against the converged solution. */
async function meanError(options: SampleOptions): Promise<{ error: number; nfe: number }> {
  using flow = await publishedFlow()
  using start = await float32(file.array('start'))
  const { images, nfe } = await flow.sample({ count: 8, start, publishedEpsilon: true, ...options })
  const converged = file.array('rk45_tight').values
  const errors = (await images.data()).map((value, i) => Math.abs((value + 1) / 2 - converged[i]!))
  images.dispose()
  return { error: errors.reduce((sum, error) => sum + error, 0) / errors.length, nfe }
}
