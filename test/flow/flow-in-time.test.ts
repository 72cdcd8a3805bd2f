import { describe, expect, it } from 'vitest'
import { Tensor } from '../../src/tensor/tensor.js'
import { golden, maxAbsoluteError } from '../golden.js'
import { followed } from './followed.js'
import { exactFlow, mixtureOf } from './golden-mixture.js'
import { SDES } from './sdes.js'

describe.each(SDES)('$name: the published probability flow', ({ name, settings }) => {
  it('its samples, to their last digits and evaluations', async () => {
    const file = golden(`rivals/ode-${name}.safetensors`)
    using flow = await exactFlow(mixtureOf(file), settings(Number(file.metadata.eps), 'published'))
    const starts = Float64Array.from(file.array('start').values)
    const rk45 = { solver: 'rk45', rtol: 1e-5, atol: 1e-5 } as const
    const { samples, evaluations } = await followed(flow, starts, [12], rk45, { published: true })
    expect(maxAbsoluteError(samples, file.array('samples_float64').values)).toBeLessThan(1e-9)
    expect([...evaluations]).toEqual(new Array(6).fill(Number(file.metadata.nfe_float64)))
    // What was published took other steps, in float32.
    const share = name === 've' ? 1e-6 : 3e-4
    expect(maxAbsoluteError(samples, file.array('samples').values)).toBeLessThan(share)
  })

  it('its likelihoods, with the probe that is given', async () => {
    const file = golden(`rivals/likelihood-${name}.safetensors`)
    using flow = await exactFlow(mixtureOf(file), settings(Number(file.metadata.eps), 'published'))
    const x = file.array('x').values as Float32Array
    using images = await Tensor.from<'float32'>(x, [6, 12])
    using probes = await Tensor.from<'float32'>(file.array('probe').values as Float32Array, [6, 1, 12])
    const { logLikelihoods, nfe } = await flow.logLikelihood(images, {
      ...{ divergence: 'hutchinson', probes, batchTolerance: 'joint', variable: 'z' },
      ...{ rtol: 1e-5, atol: 1e-5 },
    })
    const bits = logLikelihoods.map((nats) => -nats / (12 * Math.LN2) + Number(file.metadata.offset_bits))
    expect(maxAbsoluteError(bits, file.array('bpd_float64').values)).toBeLessThan(1e-9)
    expect(nfe).toBe(Number(file.metadata.nfe_float64))
    expect(maxAbsoluteError(bits, file.array('bpd').values)).toBeLessThan(1e-4)
  })

  it('is not for what looks at denoised images', async () => {
    using flow = await exactFlow({ centres: [[0, 0]], deviation: 0.5 }, settings(undefined, 'published'))
    const refused = (options: object) => expect(flow.sample({ count: 1, ...options })).rejects
    await refused({ solver: 'unipc' }).toThrow('Expected a Runge-Kutta method')
    await refused({ solver: 'sde-dpm2m' }).toThrow('Expected a Runge-Kutta method')
    await refused({ solver: 'auto', error: 0.1 }).toThrow('Expected solver to be named')
    await refused({ publishedEpsilon: true }).toThrow('Expected no publishedEpsilon')
    await refused({ film: {} }).toThrow('Expected no film of denoised images')
    await refused({ onDenoised: () => undefined }).toThrow('Expected no onDenoised')
    using images = await Tensor.from<'float32'>(new Float32Array(2), [1, 2])
    await refused({ from: { z: 0.5, images } }).toThrow('Expected no images to start from')
    using mask = await Tensor.from<'float32'>(Float32Array.of(-1, 1), [1, 2])
    await expect(flow.fill(images, mask)).rejects.toThrow('Expected a model whose images are denoised')
    const { images: drawn } = await flow.sample({ count: 4 })
    expect((await drawn.data()).every((value) => Math.abs(value) < 4)).toBe(true)
    drawn.dispose()
  })
})
