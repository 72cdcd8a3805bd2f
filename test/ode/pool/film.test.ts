import { beforeAll, describe, expect, it } from 'vitest'
import { memory } from '../../../src/native/device.js'
import type { DenoisedImages } from '../../../src/ode/pool/denoised.js'
import type { PoissonFlow, SampleOptions } from '../../../src/poisson-flow.js'
import { Tensor } from '../../../src/tensor/tensor.js'
import { jumpingFlow } from '../../gaussians-flow.js'
import { maxAbsoluteError } from '../../golden.js'
import { pfgmSettings } from '../../pfgm-settings.js'
import { pointsFlow } from '../points-flow.js'

let flow: PoissonFlow

beforeAll(async () => {
  flow = await pointsFlow()
})

/** Samples and their film, whose frames are `[count, frames, 2]`. */
async function draw(options: SampleOptions, model = flow) {
  const { images, film, evaluations, status } = await model.sample(options)
  using drawn = images
  using filmed = film?.images
  const frames = filmed ? await filmed.data() : new Float32Array()
  return {
    values: await drawn.data(),
    frames,
    shape: filmed?.shape,
    heights: film?.heights,
    evaluations,
    status,
  }
}

const SOLVERS: SampleOptions[] = [
  { solver: 'rk45' },
  { solver: 'tsit5' },
  { solver: 'bs23' },
  { solver: 'rk4', steps: 30 },
  { solver: 'heun', steps: 150 },
  { solver: 'dpm2m', steps: 100 },
  { solver: 'dpm3m', steps: 60 },
  { solver: 'unipc', steps: 60 },
  { solver: 'ipndm', steps: 100, order: 2 },
  { solver: 'deis', steps: 60 },
  { solver: 'adaptive-unipc', rtol: 1e-3, atol: 1e-4 },
]
const TIGHT = { solver: 'rk45', rtol: 1e-7, atol: 1e-7 } as const
const COUNT = 3
const FRAMES = 40

/** d(x, z) = x - z v_x / v_z of the network, with its v_z made of v_x. */
async function denoised(states: Float32Array, heights: Float64Array): Promise<Float64Array> {
  const { gamma } = pfgmSettings(flow)
  const z = Float32Array.from({ length: states.length / 2 }, (_, i) => heights[i % heights.length]!)
  using points = await Tensor.from<'float32'>(states, [z.length, 2])
  using at = await Tensor.from<'float32'>(z, [z.length])
  const field = await flow.network.forward(points, at)
  const v = await field.x.data()
  for (const part of [field.x, field.z!]) part.dispose()
  return Float64Array.from(states, (x, i) => {
    const n = Math.hypot(v[i - (i % 2)]!, v[i - (i % 2) + 1]!) / Math.SQRT2
    const height = z[(i - (i % 2)) / 2]!
    const down = (-Math.SQRT2 * height) / (Math.hypot((gamma * n) / (1 - n), height) + gamma)
    return x - (height * v[i]!) / down
  })
}

describe('a film of the paths', () => {
  it.each(SOLVERS)('%j: states and denoised images lie on the converged path', async (solver) => {
    const film = { frames: FRAMES }
    const { frames: converged } = await draw({ ...TIGHT, count: COUNT, film: { ...film, of: 'state' } })
    const { frames: states } = await draw({ ...solver, count: COUNT, film: { ...film, of: 'state' } })
    const { frames: images, heights, values, shape } = await draw({ ...solver, count: COUNT, film })
    expect(shape).toEqual([COUNT, FRAMES, 2])
    const expected = await denoised(converged, heights!)
    for (let i = 0; i < COUNT * FRAMES; i++) {
      const row = [2 * i, 2 * i + 2] as const
      // Far from the data both are as large as what they are made of.
      const size = 1 + Math.hypot(...converged.subarray(...row))
      expect(maxAbsoluteError(states.subarray(...row), converged.subarray(...row)) / size).toBeLessThan(1e-3)
      expect(maxAbsoluteError(images.subarray(...row), expected.subarray(...row)) / size).toBeLessThan(5e-3)
    }
    for (let i = 0; i < COUNT; i++) {
      const last = (i + 1) * FRAMES - 1
      const sample = values.subarray(2 * i, 2 * i + 2)
      expect(maxAbsoluteError(images.subarray(2 * last, 2 * last + 2), sample)).toBeLessThan(1e-6)
    }
  })

  it('lies on the converged path where the drift jumps, too', async () => {
    using jumping = await jumpingFlow()
    const options = { count: COUNT, film: { frames: FRAMES, of: 'state' as const } }
    const { frames: converged } = await draw({ ...options, ...TIGHT }, jumping)
    const { frames } = await draw({ ...options, solver: 'adaptive-unipc', rtol: 1e-3, atol: 1e-4 }, jumping)
    for (let i = 0; i < frames.length; i += 2) {
      const size = 1 + Math.hypot(...converged.subarray(i, i + 2))
      const error = maxAbsoluteError(frames.subarray(i, i + 2), converged.subarray(i, i + 2))
      expect(error / size).toBeLessThan(1e-3)
    }
  })

  it.each(SOLVERS)('%j: costs nothing, and does not depend on the pool', async (solver) => {
    const plain = await draw({ ...solver, count: 5 })
    const many = await draw({ ...solver, count: 5, film: { frames: 7 } })
    const few = await draw({ ...solver, count: 5, batchSize: 2, film: { frames: 7 } })
    expect(many.values).toEqual(plain.values)
    expect(many.evaluations).toEqual(plain.evaluations)
    expect(few.frames).toEqual(many.frames)
  })

  it('heights fall evenly in ln z, and the first state is the start', async () => {
    const { zMin, zMax } = pfgmSettings(flow)
    using start = await Tensor.from<'float64'>(new Float64Array([1, -2, 3, 4]), [2, 2])
    const { frames, heights } = await draw({ start, count: 2, film: { frames: 5, of: 'state' } })
    expect([frames[0], frames[1], frames[10], frames[11]]).toEqual([1, -2, 3, 4])
    expect([heights![0], heights![4]]).toEqual([zMax, zMin])
    for (let i = 0; i < 4; i++) {
      expect(Math.log(heights![i]! / heights![i + 1]!)).toBeCloseTo(Math.log(zMax / zMin) / 4, 12)
    }
  })

  it('ends where a path ends early', async () => {
    const film = { frames: 10 }
    const { frames, status } = await draw({ count: 1, solver: 'euler', steps: 9, maxEvaluations: 4, film })
    const whole = await draw({ count: 1, solver: 'euler', steps: 9, film })
    expect(status).toEqual(['maxEvaluations'])
    expect(frames.subarray(0, 10)).toEqual(whole.frames.subarray(0, 10))
    expect(frames.subarray(10).every(Number.isNaN)).toBe(true)
  })

  it('refuses wrong options, and frees everything', async () => {
    const before = memory().handles
    await expect(flow.sample({ film: { frames: 1 } })).rejects.toThrow(
      'Expected film.frames to be an integer from 2 to 1000',
    )
    await expect(flow.sample({ film: { of: 'noise' as never } })).rejects.toThrow(
      'Expected film.of to be one of denoised, state',
    )
    const onDenoised = () => Promise.reject(new Error('stop'))
    await expect(flow.sample({ film: {}, onDenoised })).rejects.toThrow('stop')
    expect(memory().handles).toBe(before)
  })
})

describe('progress', () => {
  it.each(SOLVERS)('%j: has the denoised images of the last evaluations', async (solver) => {
    const last = new Map<number, { z: number; values: Float64Array }>()
    const looked: Promise<void>[] = []
    const compare = async (
      wanted: Map<number, { z: number; values: Float64Array }>,
      seen: DenoisedImages,
    ) => {
      using images = seen.images
      const values = await images.data()
      for (const [row, sample] of seen.samples.entries()) {
        expect(seen.heights[row]).toBe(wanted.get(sample)!.z)
        expect(values.subarray(2 * row, 2 * row + 2)).toEqual(wanted.get(sample)!.values)
      }
      expect(images.shape).toEqual([seen.samples.length, 2])
    }
    const options: SampleOptions = { ...solver, count: 5, batchSize: 3 }
    const plain = await draw(options)
    const watched = await draw({
      ...options,
      async onDenoised({ images, samples, heights }) {
        const values = await images.data()
        for (const [row, sample] of samples.entries()) {
          last.set(sample, { z: heights[row]!, values: values.slice(2 * row, 2 * row + 2) })
        }
        return undefined
      },
      onProgress({ denoised }) {
        const wanted = new Map(last)
        looked.push(denoised().then((seen) => compare(wanted, seen)))
      },
    })
    await Promise.all(looked)
    expect(looked.length).toBeGreaterThan(5)
    expect(watched.evaluations).toEqual(plain.evaluations)
  })
})
