import { mkdtempSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { PfgmError } from '../src/errors.js'
import { memory } from '../src/native/device.js'
import type { DenoisedImages } from '../src/ode/pool/denoised.js'
import { PoissonFlow, type SampleOptions } from '../src/poisson-flow.js'
import { Tensor } from '../src/tensor/tensor.js'
import { maxAbsoluteError } from './golden.js'
import { publishedFlow } from './published-flow.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-flow-'))
const ITEM = 192

async function pixels(flow: PoissonFlow, options: SampleOptions): Promise<Float32Array> {
  const { images } = await flow.sample(options)
  const values = await images.data()
  images.dispose()
  return values.map((value) => (value + 1) / 2)
}

/** A solver, with so many steps where it takes steps. */
function inSteps<Name extends string>(solver: Name, steps: number): { solver: Name; steps?: number } {
  return solver === 'rk45' || solver === 'adaptive-unipc' ? { solver } : { solver, steps }
}

/** Lets a network give sample 1 no numbers. */
async function breakSecond({ images, samples }: DenoisedImages) {
  const values = await images.data()
  for (const [row, sample] of samples.entries()) {
    if (sample === 1) values.fill(Number.NaN, row * ITEM, (row + 1) * ITEM)
  }
  return Tensor.from<'float64'>(values, images.shape)
}

describe('a sample depends on its seed, not on who shares its batch', () => {
  it.each(['rk45', 'heun'] as const)('%s: image 7 of seed 0 is image 0 of seed 7', async (solver) => {
    using flow = await publishedFlow()
    const options = inSteps(solver, 20)
    const many = await pixels(flow, { ...options, seed: 0, count: 16 })
    const one = await pixels(flow, { ...options, seed: 7, count: 1 })
    expect(maxAbsoluteError(many.subarray(7 * ITEM, 8 * ITEM), one)).toBeLessThan(1e-4)
  })

  it('a pool smaller than the count gives the same images', async () => {
    using flow = await publishedFlow()
    const all = await pixels(flow, { count: 11 })
    const few = await pixels(flow, { count: 11, batchSize: 4 })
    expect(maxAbsoluteError(all, few)).toBeLessThan(1e-4)
  })

  it.each(['dpm2m', 'dpm3m', 'unipc', 'ipndm', 'deis', 'adaptive-unipc'] as const)(
    '%s: nor on how many share the pool, to the bit',
    async (solver) => {
      using flow = await publishedFlow()
      const options = inSteps(solver, 12)
      const few = await pixels(flow, { ...options, count: 9, batchSize: 4 })
      const one = await pixels(flow, { ...options, seed: 8, count: 1 })
      expect(few.subarray(8 * ITEM)).toEqual(one)
    },
  )

  it('with deterministic, a sample among 64 strangers has the bits that it has alone', async () => {
    using flow = await publishedFlow()
    const options = { deterministic: true, rtol: 1e-3, atol: 1e-3 }
    const many = await pixels(flow, { ...options, count: 65 })
    const one = await pixels(flow, { ...options, seed: 40, count: 1 })
    expect(many.subarray(40 * ITEM, 41 * ITEM)).toEqual(one)
  })

  it('evaluates each sample as often as its own path needs', async () => {
    using flow = await publishedFlow()
    const { images, nfe, evaluations, accepted, rejected } = await flow.sample({ count: 12, solver: 'rk45' })
    images.dispose()
    expect(new Set(evaluations).size).toBeGreaterThan(1)
    expect(nfe).toBeCloseTo(evaluations.reduce((sum, spent) => sum + spent, 0) / 12, 10)
    // Two to begin with, and the first stage once more below the height at which the drift jumps.
    for (const [i, spent] of evaluations.entries()) expect(spent).toBe(3 + 6 * (accepted[i]! + rejected[i]!))
  })

  it('gives the same bits for the same seed, and other images for another', async () => {
    using flow = await publishedFlow()
    const options = { solver: 'euler', steps: 5, count: 3 } as const
    expect(await pixels(flow, options)).toEqual(await pixels(flow, options))
    expect(await pixels(flow, { ...options, seed: 99 })).not.toEqual(await pixels(flow, options))
  })

  it('takes seeds up to 2^64 - 1, after which they begin again', async () => {
    using flow = await publishedFlow()
    const options = { solver: 'euler', steps: 3 } as const
    const wrapped = await pixels(flow, { ...options, seed: 2n ** 64n - 1n, count: 2 })
    const first = await pixels(flow, { ...options, seed: 0, count: 1 })
    expect(maxAbsoluteError(wrapped.subarray(ITEM), first)).toBeLessThan(1e-5)
  })
})

describe('sample()', () => {
  const wrong: [string, SampleOptions, string][] = [
    ['a count of 0', { count: 0 }, 'Expected count to be an integer from 1 to 1000000 but received 0'],
    ['an unknown solver', { solver: 'rk46' as never }, 'Expected solver to be one of rk45, tsit5, bs23'],
    [
      'a controller for a solver with steps of its own',
      { solver: 'adaptive-unipc', controller: 'pi' },
      'Expected no controller for adaptive-unipc, which sets its own steps, but received pi',
    ],
    [
      'a controller without an estimate',
      { solver: 'heun', controller: 'pi' },
      'Expected controller to be constant for heun',
    ],
    ['a rho of 0', { schedule: 'karras', rho: 0 }, 'Expected rho to be a number from 0.1 to 100'],
    ['a negative tolerance', { rtol: -1 }, 'Expected rtol to be a number from 1e-13 to 1'],
    [
      'a flag that is a word',
      { deterministic: 'yes' as never },
      'Expected deterministic to be true or false',
    ],
    ['a NaN', { atol: Number.NaN }, 'Expected atol to be a number'],
    ['a seed below 0', { seed: -1 }, 'Expected seed to be a whole number from 0 to 2^64 - 1 but received -1'],
  ]
  it.each(wrong)('refuses %s', async (_, options, message) => {
    using flow = await publishedFlow()
    await expect(flow.sample(options)).rejects.toThrow(message)
  })

  it('ends at the next step after its signal, and frees everything', async () => {
    using flow = await publishedFlow()
    const before = memory().handles
    const abort = new AbortController()
    const sampling = flow.sample({
      count: 4,
      signal: abort.signal,
      onProgress: ({ evaluations }) => evaluations > 20 && abort.abort(new Error('enough')),
    })
    await expect(sampling).rejects.toThrow('enough')
    expect(memory().handles).toBe(before)
  })

  it('takes as many samples as starts, float32 or float64, and refuses what no start can be', async () => {
    using flow = await publishedFlow()
    const values = Float32Array.from({ length: 2 * ITEM }, (_, i) => 9 * Math.sin(i * i))
    using start = await Tensor.from(values, [2, 3, 8, 8])
    using same = await Tensor.from(Float64Array.from(values), [2, 3, 8, 8])
    const options = { solver: 'euler', steps: 4 } as const
    const drawn = await pixels(flow, { ...options, start })
    expect(drawn.length).toBe(2 * ITEM)
    expect(await pixels(flow, { ...options, start: same })).toEqual(drawn)
    using pixel = await Tensor.from(new Uint8Array(ITEM), [1, 3, 8, 8])
    await expect(flow.sample({ start: pixel })).rejects.toThrow('float32 or float64, as encode gives them')
    using none = await Tensor.from(new Float32Array(ITEM).fill(Number.NaN), [1, 3, 8, 8])
    await expect(flow.sample({ start: none })).rejects.toThrow('Expected start[0] to be finite')
    using far = await Tensor.from(new Float32Array(ITEM).fill(1e6), [1, 3, 8, 8])
    await expect(flow.sample({ start: far })).rejects.toThrow(
      /^Expected start\[0\] to have a norm of at most/,
    )
    await expect(flow.sample({ start, count: 3 })).rejects.toThrow(
      'Expected count to be the number of starts in start, 2, but received 3',
    )
  })

  it('ends samples at their most evaluations, where they are, and says so', async () => {
    using flow = await publishedFlow()
    const whole = await flow.sample({ count: 6 })
    const wanted = await whole.images.data()
    whole.images.dispose()
    const most = whole.evaluations.toSorted()[2]!
    const drawn = await flow.sample({ count: 6, maxEvaluations: most })
    const { status, evaluations, smallestStep, seconds } = drawn
    const values = await drawn.images.data()
    drawn.images.dispose()
    expect(new Set(status)).toEqual(new Set(['done', 'maxEvaluations']))
    for (const [i, ended] of status.entries()) {
      const [image, same] = [values, wanted].map((all) => all.slice(i * ITEM, (i + 1) * ITEM))
      if (ended === 'done') expect(image).toEqual(same)
      else expect(image).not.toEqual(same)
      expect(image!.every(Number.isFinite)).toBe(true)
      expect(evaluations[i]).toBeLessThanOrEqual(most)
      expect(evaluations[i]).toBeGreaterThan(ended === 'done' ? 0 : most - 6)
      expect(smallestStep[i]).toBeGreaterThan(0)
      expect(smallestStep[i]).toBeLessThan(1)
    }
    expect(seconds.network).toBeGreaterThan(0)
    expect(seconds.other).toBeGreaterThan(0)
  })

  it('ends what is not finite with a status where asked, and draws the others', async () => {
    using flow = await publishedFlow()
    for (const solver of ['rk45', 'dpm2m', 'adaptive-unipc'] as const) {
      const options = { count: 2, ...inSteps(solver, 5) }
      const { images, status } = await flow.sample({
        ...options,
        onDenoised: breakSecond,
        keepNotFinite: true,
      })
      const values = await images.data()
      images.dispose()
      const expected = await flow.sample(options)
      expect(status).toEqual(['done', 'notFinite'])
      expect(values.slice(0, ITEM)).toEqual((await expected.images.data()).slice(0, ITEM))
      expected.images.dispose()
    }
  })

  it('names the sample where the network gives no number', async () => {
    using flow = await publishedFlow()
    for (const solver of ['rk45', 'euler', 'adaptive-unipc'] as const) {
      const failure = flow.sample({ count: 2, onDenoised: breakSecond, ...inSteps(solver, 3) })
      await expect(failure).rejects.toSatisfy((error) => {
        return (
          error instanceof PfgmError &&
          error.code === 'ERR_PFGM_NOT_FINITE' &&
          /Sample 1 /.test(error.message)
        )
      })
    }
  })

  it('two samplings at once do not disturb each other', async () => {
    using flow = await publishedFlow()
    const options = { solver: 'heun', steps: 8 } as const
    const [a, b] = await Promise.all([
      pixels(flow, { ...options, seed: 1, count: 3 }),
      pixels(flow, { ...options, seed: 5, count: 5 }),
    ])
    expect(a).toEqual(await pixels(flow, { ...options, seed: 1, count: 3 }))
    expect(b).toEqual(await pixels(flow, { ...options, seed: 5, count: 5 }))
  })
})

describe('models on disk', () => {
  it('a saved model samples the same images; float16 nearly so, in half the bytes', async () => {
    using flow = await publishedFlow()
    const options = { solver: 'heun', steps: 10, count: 2 } as const
    const expected = await pixels(flow, options)
    const sizes: number[] = []
    for (const [dtype, tolerance] of [
      ['F32', 0],
      ['F16', 0.05],
    ] as const) {
      const path = join(folder, `${dtype}.safetensors`)
      await flow.save(path, { dtype })
      using loaded = await PoissonFlow.load(path)
      expect(loaded.config).toEqual(flow.config)
      expect(maxAbsoluteError(await pixels(loaded, options), expected)).toBeLessThanOrEqual(tolerance)
      sizes.push(statSync(path).size)
    }
    expect(sizes[1]! / sizes[0]!).toBeLessThan(0.55)
  })

  const damage: [string, (path: string) => void, RegExp][] = [
    ['a truncated file', (path) => truncateSync(path, 5000), /truncated|header/],
    [
      'a file cut within its last tensor',
      (path) => truncateSync(path, statSync(path).size - 10),
      /truncated/,
    ],
    ['a text file', (path) => writeFileSync(path, 'not a model at all'), /not a whole safetensors file/],
    ['an empty file', (path) => writeFileSync(path, ''), /at least 8 bytes/],
  ]
  it.each(damage)('refuses %s', async (name, spoil, message) => {
    using flow = await publishedFlow()
    const path = join(folder, `${name}.safetensors`)
    await flow.save(path)
    spoil(path)
    const handles = memory().handles
    await expect(PoissonFlow.load(path)).rejects.toSatisfy((error) => {
      return error instanceof PfgmError && error.code === 'ERR_PFGM_CHECKPOINT' && message.test(error.message)
    })
    expect(memory().handles).toBe(handles)
  })

  it('says what it looked for where there is no model', async () => {
    await expect(PoissonFlow.load('nowhere')).rejects.toThrow(/run folder, a model file or one of the models/)
    await expect(PoissonFlow.load(folder)).rejects.toThrow(/no checkpoint/)
  })
})

describe('pictures', () => {
  it('a grid of images is a PNG of the right size and brightness', async () => {
    const values = new Float32Array(5 * 4 * 4).fill(-1).fill(1, 16, 32)
    using images = await Tensor.from(values, [5, 1, 4, 4])
    const path = join(folder, 'grid.png')
    await images.savePng(path, { columns: 3, zoom: 2 })
    const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 3 * 9 + 1, height: 2 * 9 + 1 })
    const at = (x: number, y: number) => data[(y * info.width + x) * info.channels]
    expect([at(0, 0), at(2, 2), at(11, 2), at(20, 2), at(24, 14)]).toEqual([255, 0, 255, 0, 255])
  })

  it('points are drawn as their density, the second axis upward', async () => {
    using points = await Tensor.from(new Float32Array([0, 1, 0, 1, 0, 1]), [3, 2])
    const path = join(folder, 'points.png')
    await points.savePng(path, { extent: 2 })
    const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true })
    const dark = data.findIndex((value) => value < 100) / info.channels
    expect([Math.floor(dark / info.width), dark % info.width]).toEqual([128, 256])
  })

  it('other shapes and unwritable places are refused', async () => {
    using tensor = await Tensor.from(new Float32Array(8), [8])
    await expect(tensor.savePng(join(folder, 'a.png'))).rejects.toThrow(/Expected images of shape/)
    using images = await Tensor.from(new Float32Array(16), [1, 1, 4, 4])
    await expect(images.savePng(join(folder, 'missing', 'a.png'))).rejects.toThrow(/Could not write/)
  })
})
