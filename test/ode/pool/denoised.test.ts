import { describe, expect, it } from 'vitest'
import { memory } from '../../../src/native/device.js'
import type { DenoisedImages } from '../../../src/ode/pool/denoised.js'
import type { PoissonFlow, SampleOptions } from '../../../src/poisson-flow.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { jumpingFlow } from '../../gaussians-flow.js'
import { maxAbsoluteError } from '../../golden.js'
import { pfgmSettings } from '../../pfgm-settings.js'
import { pointsFlow } from '../points-flow.js'

const ITEM = 2

async function draw(flow: PoissonFlow, options: SampleOptions) {
  const { images, ...rest } = await flow.sample(options)
  using drawn = images
  return { values: await drawn.data(), ...rest }
}

const SOLVERS: SampleOptions[] = [
  { solver: 'rk45' },
  { solver: 'bs23' },
  { solver: 'heun', steps: 8 },
  { solver: 'euler', steps: 8 },
  { solver: 'dpm2m', steps: 8 },
  { solver: 'unipc', steps: 8 },
  { solver: 'deis', steps: 8 },
  { solver: 'adaptive-unipc' },
]

describe('onDenoised', () => {
  const cases = SOLVERS.map((solver): [SampleOptions, string, () => Promise<PoissonFlow>] => [
    solver,
    'points',
    pointsFlow,
  ])
  it.each([...cases, [{ solver: 'adaptive-unipc' }, 'a drift that jumps', jumpingFlow] as (typeof cases)[0]])(
    '%j: the same images back change nothing, nor does no answer: %s',
    async (solver, _, create) => {
      using flow = await create()
      const options = { ...solver, count: 3 }
      const plain = await draw(flow, options)
      const same = await draw(flow, { ...options, onDenoised: ({ images }) => images })
      const none = await draw(flow, { ...options, onDenoised: () => undefined })
      for (const { values, evaluations } of [same, none]) {
        expect(values).toEqual(plain.values)
        expect(evaluations).toEqual(plain.evaluations)
      }
    },
  )

  it.each(SOLVERS)('%j: to one image d the paths are straight, d + (x - d) z / z_max', async (solver) => {
    using flow = await pointsFlow()
    const { zMin, zMax } = pfgmSettings(flow)
    const wanted = Float64Array.from({ length: ITEM }, (_, i) => Math.sin(i))
    const starts = Float64Array.from({ length: 5 * ITEM }, (_, i) => 10 * Math.cos(i * i))
    using start = await Tensor.from<'float64'>(starts, [5, 2])
    const onDenoised = ({ images }: DenoisedImages) => {
      const [rows = 0] = images.shape
      const values = Float64Array.from({ length: rows * ITEM }, (_, i) => wanted[i % ITEM]!)
      return Tensor.from<'float64'>(values, images.shape)
    }
    const { values } = await draw(flow, { ...solver, count: 5, start, batchSize: 2, onDenoised })
    const expected = starts.map((x, i) => wanted[i % ITEM]! + (x - wanted[i % ITEM]!) * (zMin / zMax))
    // A line in z is none in ln z, which rk45 and bs23 step in: there, what their tolerance allows.
    expect(maxAbsoluteError(values, expected)).toBeLessThan('steps' in solver ? 1e-5 : 2e-3)
  })

  it('fills what is not known, so that the whole depends on its seed', async () => {
    using flow = await pointsFlow()
    const known = new Float64Array(ITEM / 2).fill(0.25)
    const onDenoised = async ({ images }: DenoisedImages) => {
      const values = await images.data()
      for (let i = 0; i < values.length; i += ITEM) values.set(known, i)
      return Tensor.from<'float64'>(values, images.shape)
    }
    const { values } = await draw(flow, { count: 2, onDenoised, solver: 'unipc', steps: 15 })
    const [first, second] = [values.subarray(0, ITEM), values.subarray(ITEM)]
    for (const point of [first, second]) {
      expect(maxAbsoluteError(point.subarray(0, ITEM / 2), known)).toBeLessThan(5e-3)
    }
    expect(maxAbsoluteError(first, second)).toBeGreaterThan(0.1)
    const alone = await draw(flow, { count: 1, seed: 1, onDenoised, solver: 'unipc', steps: 15 })
    expect(alone.values).toEqual(second)
  })

  it('gives every evaluation of every sample once, with its height', async () => {
    using flow = await pointsFlow()
    const { zMin, zMax } = pfgmSettings(flow)
    const seen = new Int32Array(6)
    const shapes = new Set<string>()
    const { evaluations } = await draw(flow, {
      count: 6,
      batchSize: 4,
      onDenoised({ images, samples, heights }) {
        shapes.add(images.shape.slice(1).join())
        expect([samples.length, heights.length]).toEqual([images.shape[0], images.shape[0]])
        for (const sample of samples) seen[sample]! += 1
        for (const z of heights) expect(z >= zMin * (1 - 1e-12) && z <= zMax * (1 + 1e-12)).toBe(true)
        return undefined
      },
    })
    expect(seen).toEqual(evaluations)
    expect(shapes).toEqual(new Set(['2']))
  })

  it('refuses other shapes, ends with what the hook throws, and frees everything', async () => {
    using flow = await pointsFlow()
    const before = memory().handles
    const wrong = () => Tensor.from<'float32'>(new Float32Array(ITEM), [2, 1])
    await expect(flow.sample({ count: 1, onDenoised: wrong })).rejects.toThrow(
      'Expected onDenoised to return [1, 2] of float32 or float64, or nothing, but received [2, 1] of float32',
    )
    const broken = () => Promise.reject(new Error('no measurement'))
    await expect(flow.sample({ count: 1, onDenoised: broken })).rejects.toThrow('no measurement')
    expect(memory().handles).toBe(before)
  })
})
