import { describe, expect, it } from 'vitest'
import type { FlowSettings } from '../../src/flow/kinds.js'
import type { ConditionOptions } from '../../src/model/conditions.js'
import type { DenoisedImages } from '../../src/ode/pool/denoised.js'
import type { SolverSettings } from '../../src/ode/solver-options.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { gaussiansDenoiser, gaussiansFlow } from '../gaussians-flow.js'
import { maxAbsoluteError } from '../golden.js'

const MIXTURE = {
  centres: [
    [-0.7, 0.2],
    [0.1, 0.8],
    [0.6, -0.5],
  ],
  deviation: [0.1, 0.15, 0.2],
}
const EDM = {
  ...{ kind: 'edm', sigmaMax: 20, sigmaMin: 0.002, sigmaData: 0.5, pMean: -1.2, pStd: 1.2 },
  target: 'image',
} as const satisfies FlowSettings

const edm = async (classes?: string[], sigmaMax = 20) =>
  PoissonFlow.of(await gaussiansDenoiser(MIXTURE), {
    ...{ data: 'gaussians', step: 0, flow: { ...EDM, sigmaMax } },
    ...(classes && { classes }),
  })

async function drawn(
  flow: PoissonFlow,
  options: Parameters<PoissonFlow['sample']>[0],
): Promise<Float32Array> {
  const { images } = await flow.sample(options)
  using owned = images
  return owned.data()
}

describe('labels', () => {
  it('each sample is of its own class, by number or by name', async () => {
    using flow = await edm(['left', 'top', 'right'])
    const labels = ['top', 0, 'right', -1, 1, 2]
    const points = await drawn(flow, { count: 6, labels })
    for (const [i, label] of [1, 0, 2, -1, 1, 2].entries()) {
      if (label < 0) continue
      const [x, y] = points.subarray(2 * i, 2 * i + 2)
      const [cx, cy] = MIXTURE.centres[label]!
      expect(Math.hypot(x! - cx!, y! - cy!)).toBeLessThan(5 * MIXTURE.deviation[label]!)
    }
    expect(await drawn(flow, { count: 6, labels: Int32Array.of(1, 0, 2, -1, 1, 2) })).toEqual(points)
    // No class is what it is without labels.
    expect((await drawn(flow, { count: 6 })).subarray(6, 8)).toEqual(points.subarray(6, 8))
    expect(await drawn(flow, { count: 2, seed: 4, labels: 'top' })).toEqual(
      await drawn(flow, { count: 2, seed: 4, labels: [1, 1] }),
    )
  })

  it('likelihoods are those of the class alone', async () => {
    // From so far away the prior is the data's own.
    using flow = await edm(undefined, 1000)
    const values = Float64Array.of(-0.6, 0.3, 0.2, 0.6, 0.5, -0.3)
    using points = await Tensor.from<'float64'>(values, [3, 2])
    const { logLikelihoods } = await flow.logLikelihood(points, { labels: [0, 1, 2], rtol: 1e-8, atol: 1e-8 })
    const expected = MIXTURE.centres.map(([cx, cy], i) => {
      const variance = MIXTURE.deviation[i]! ** 2 + EDM.sigmaMin ** 2
      const square = (values[2 * i]! - cx!) ** 2 + (values[2 * i + 1]! - cy!) ** 2
      return -Math.log(2 * Math.PI * variance) - square / (2 * variance)
    })
    expect(maxAbsoluteError(logLikelihoods, expected)).toBeLessThan(2e-3)
  })

  it('what is encoded with a label is decoded with it, also between two images', async () => {
    using flow = await edm()
    const values = Float64Array.of(0.1, 0.7, 0.2, 0.9)
    using points = await Tensor.from<'float64'>(values, [2, 2])
    const { encodings } = await flow.encode(points, { labels: 1, rtol: 1e-7, atol: 1e-7 })
    using codes = encodings
    const { images } = await flow.decode(codes, { labels: 1, rtol: 1e-7, atol: 1e-7 })
    using back = images
    expect(maxAbsoluteError(await back.data(), values)).toBeLessThan(1e-3)
    using first = await points.slice(0, 1)
    using second = await points.slice(1, 1)
    const between = await flow.interpolate(first, second, { steps: 3, labels: 1 })
    await expect(flow.interpolate(first, second, { steps: 3, labels: [1, 1, 1] })).rejects.toThrow(
      'one class',
    )
    using strip = between.images
    expect(maxAbsoluteError((await strip.data()).subarray(4, 6), values.subarray(2))).toBeLessThan(1e-2)
  })
})

describe('guidance', () => {
  /** What is denoised at the start of a path. */
  async function firstDenoised(
    flow: PoissonFlow,
    start: Tensor,
    options: ConditionOptions,
  ): Promise<Float64Array> {
    let first: Float64Array | undefined
    const onDenoised = async ({ images }: DenoisedImages) => {
      first ??= await images.data()
      return undefined
    }
    await drawn(flow, { start, solver: 'euler', steps: 2, onDenoised, ...options })
    return first!
  }

  it.each(['edm', 'pfgm'])('%s: d_u + w (d_c - d_u), each sample by its own w', async (kind) => {
    using flow = kind === 'edm' ? await edm() : await gaussiansFlow({ ...MIXTURE, deviation: 0.2 }, 20)
    using start = await Tensor.from<'float64'>(Float64Array.of(1, 2, -3, 4, 5, -6, 0.5, 0.1), [4, 2])
    const labels = [0, 1, 2, 1]
    const guidance = [1.5, 0, 1, -2]
    const guided = await firstDenoised(flow, start, { labels, guidance })
    const [conditional, without] = [
      await firstDenoised(flow, start, { labels }),
      await firstDenoised(flow, start, {}),
    ]
    const expected = conditional.map((d, i) => without[i]! + guidance[i >> 1]! * (d - without[i]!))
    expect(maxAbsoluteError(guided, expected)).toBeLessThan(1e-9)
    expect(guided.subarray(2, 4)).toEqual(without.subarray(2, 4))
    expect(guided.subarray(4, 6)).toEqual(conditional.subarray(4, 6))
    expect(maxAbsoluteError(conditional, without)).toBeGreaterThan(0.1)
  })

  it('only within its interval', async () => {
    using flow = await edm()
    using start = await Tensor.from<'float64'>(Float64Array.of(1, 2, -3, 4), [2, 2])
    const seen = async (options: ConditionOptions) => {
      const all: [number, Float64Array][] = []
      const onDenoised = async ({ images, heights }: DenoisedImages) => {
        all.push([heights[0]!, await images.data()])
        return undefined
      }
      await drawn(flow, {
        start,
        solver: 'euler',
        steps: 6,
        schedule: 'karras',
        labels: 1,
        onDenoised,
        ...options,
      })
      return all
    }
    const plain = await seen({})
    const guided = await seen({ guidance: 3, guidanceInterval: [0.5, 5] })
    const inside = guided.findIndex(([height]) => height <= 5)
    expect(inside).toBeGreaterThan(0)
    for (const [i, [, values]] of plain.entries()) {
      if (i < inside) expect(guided[i]![1]).toEqual(values)
    }
    expect(maxAbsoluteError(guided[inside]![1], plain[inside]![1])).toBeGreaterThan(0.1)
  })

  it('has the same bits alone and among 64 strangers of other labels, solvers and guidance', async () => {
    using flow = await edm()
    const own = { count: 1, seed: 40, labels: 2, guidance: 1.5 } as const
    const solvers: SolverSettings[] = [
      { solver: 'adaptive-unipc' },
      { solver: 'heun', steps: 9 },
      { solver: 'sde-dpm2m', steps: 9 },
      { solver: 'rk45' },
    ]
    for (const solver of solvers) {
      const alone = await drawn(flow, { ...own, ...solver })
      const strangers = solvers.map((other, i) =>
        drawn(flow, { count: 16, seed: 100 * i, labels: i % 3, guidance: i, ...other }),
      )
      const [beside] = await Promise.all([drawn(flow, { ...own, ...solver }), ...strangers])
      expect(beside, solver.solver).toEqual(alone)
      const labels = Array.from({ length: 65 }, (_, i) => (i === 40 ? 2 : i % 3))
      const guidance = labels.map((_, i) => (i === 40 ? 1.5 : i / 30))
      const among = await drawn(flow, { count: 65, labels, guidance, batchSize: 32, ...solver })
      expect(among.subarray(80, 82), solver.solver).toEqual(alone)
    }
  })
})

it('what is no class, or no guidance, is refused by name', async () => {
  using flow = await edm(['left', 'top', 'right'])
  const refused = (options: object) => expect(flow.sample({ count: 2, ...options })).rejects
  await refused({ labels: 3 }).toThrow('Expected labels to be an integer from -1 to 2 but received 3')
  await refused({ labels: [0, 'bottom'] }).toThrow('Expected labels[1] to be one of left, top, right')
  await refused({ labels: [0] }).toThrow('Expected labels to have one value a sample, 2, but received 1')
  await refused({ labels: 1.5 }).toThrow('Expected labels to be')
  await refused({ labels: {} }).toThrow('Expected labels to be a class')
  await refused({ labels: 1, guidance: [1, Number.NaN] }).toThrow('Expected guidance[1] to be a number')
  await refused({ labels: 1, guidance: 1000 }).toThrow('Expected guidance to be a number from -100 to 100')
  await refused({ guidance: 2 }).toThrow('Expected labels beside guidance')
  await refused({ labels: 1, guidanceInterval: [1, 3] }).toThrow('Expected guidance beside guidanceInterval')
  await refused({ labels: 1, guidance: 2, guidanceInterval: [3, 1] }).toThrow(
    'two heights, the lower one first',
  )
})
