import { beforeAll, describe, expect, it } from 'vitest'
import type { FlowSettings } from '../../src/flow/kinds.js'
import { searchSchedule } from '../../src/index.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { sharedFolder } from '../cli/cli.js'
import { gaussiansNetwork } from '../gaussians-flow.js'
import { maxAbsoluteError } from '../golden.js'
import './line-flow.js'

const MEAN = [0.5, -0.25]
const [T_MAX, T_MIN] = [10, 0.01]
const folder = sharedFolder()

let flow: PoissonFlow

beforeAll(async () => {
  const settings = { kind: 'line', tMax: T_MAX, tMin: T_MIN } as unknown as FlowSettings
  const network = await gaussiansNetwork({ centres: [MEAN], deviation: 0 }, 1)
  flow = PoissonFlow.of(network, { data: 'a point', step: 0, flow: settings })
})

/** Where a line through x at one height is at another. */
const along = (values: ArrayLike<number>, from: number, to: number): Float64Array =>
  Float64Array.from(values, (x, i) => MEAN[i % 2]! + ((x - MEAN[i % 2]!) * to) / from)

/** Starts of seeds 0 to 3: t_max times the signs of their bits. */
const STARTS = [-1, -1, 1, -1, -1, 1, 1, 1].map((sign) => sign * T_MAX)

describe('a kind of flow of one file and one line', () => {
  it.each([
    { solver: 'rk45', rtol: 1e-6, atol: 1e-6 },
    { solver: 'adaptive-unipc' },
    { solver: 'unipc', steps: 6 },
    { solver: 'heun', steps: 9 },
  ] as const)('samples: %j', async (options) => {
    const { images } = await flow.sample({ count: 4, ...options })
    using samples = images
    expect(maxAbsoluteError(await samples.data(), along(STARTS, T_MAX, T_MIN))).toBeLessThan(1e-5)
  })

  it('encodes and decodes', async () => {
    const points = Float64Array.of(0.1, 0.2, -0.3, 0.4)
    using data = await Tensor.from<'float64'>(points, [2, 2])
    const { encodings } = await flow.encode(data, { rtol: 1e-7, atol: 1e-7 })
    using far = encodings
    const expected = along(points, T_MIN, T_MAX)
    expect(maxAbsoluteError(await far.data(), expected)).toBeLessThan(1e-3) // of values up to 800
    const { images } = await flow.decode(far, { rtol: 1e-6, atol: 1e-6 })
    using back = images
    expect(maxAbsoluteError(await back.data(), points)).toBeLessThan(1e-4)
  })

  it('starts around images, at heights that it calls its own', async () => {
    using data = await Tensor.from<'float64'>(Float64Array.of(0.1, 0.2), [1, 2])
    const { images } = await flow.sample({ from: { z: 1, images: data }, rtol: 1e-6, atol: 1e-6 })
    using samples = images
    expect(maxAbsoluteError(await samples.data(), along([0.1 - 1, 0.2 - 1], 1, T_MIN))).toBeLessThan(1e-5)
    await expect(flow.sample({ from: { z: T_MIN, images: data } })).rejects.toThrow('above t_min, 0.01')
  })

  it('has likelihoods', async () => {
    using data = await Tensor.from<'float64'>(Float64Array.of(0.501, -0.2505), [1, 2])
    const { logLikelihoods } = await flow.logLikelihood(data, { rtol: 1e-7, atol: 1e-7 })
    const [x, y] = along([0.501, -0.2505], T_MIN, T_MAX)
    const expected =
      -(x! ** 2 + y! ** 2) / (2 * T_MAX ** 2) - 2 * Math.log(T_MAX) + 2 * Math.log(T_MAX / T_MIN)
    expect(Math.abs(logLikelihoods[0]! - expected)).toBeLessThan(1e-4)
  })

  it('films', async () => {
    const { images, film } = await flow.sample({
      count: 1,
      rtol: 1e-7,
      atol: 1e-7,
      film: { frames: 5, of: 'state' },
    })
    images.dispose()
    using frames = film!.images
    const values = await frames.data()
    for (const [i, height] of film!.heights.entries()) {
      const expected = along(STARTS.slice(0, 2), T_MAX, height)
      expect(maxAbsoluteError(values.slice(2 * i, 2 * i + 2), expected)).toBeLessThan(1e-4)
    }
  })

  it('searches schedules and names its heights in errors', async () => {
    const { heights } = await searchSchedule(flow, { solver: 'euler', steps: 3 })
    expect([heights[0], heights.at(-1)]).toEqual([T_MAX, T_MIN])
    const nothing = async ({ images }: { images: Tensor<'float64'> }) =>
      Tensor.full(images.shape, Number.NaN, 'float64')
    await expect(flow.sample({ count: 1, onDenoised: nothing })).rejects.toThrow(/at t = 10\.00:/)
  })

  it('is kept in a model file, whose kind must be known', async () => {
    const path = `${folder}/line.safetensors`
    await flow.save(path)
    using loaded = await PoissonFlow.load(path)
    expect(loaded.config.flow).toEqual({ kind: 'line', tMax: T_MAX, tMin: T_MIN })
    const unknown = { kind: 'circle' } as unknown as FlowSettings
    expect(() => PoissonFlow.of(flow.network, { data: '', step: 0, flow: unknown })).toThrow(
      'Expected flow.kind to be one of pfgm, pfgmpp, edm, ve, vp, subvp, line but received "circle" (string)',
    )
  })
})
