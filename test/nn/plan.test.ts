import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { sides } from '../../src/arguments/image-size.js'
import { writeTensors } from '../../src/checkpoint/safetensors.js'
import { setThreads } from '../../src/index.js'
import { native } from '../../src/native/native.js'
import { PRECISIONS, type Precision } from '../../src/native/precision.js'
import type { NetworkConfig, UnetConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { publishedNetwork, safetensors } from '../golden.js'
import { runs } from '../long.js'
import { giveRandomWeights } from '../random-weights.js'
import { anyKUnet } from './any-k-unet.js'
import { anyUnet } from './any-unet.js'
import { DDPM, K_UNET, SMALL, DDPMPP as SONG_DDPMPP } from './small-networks.js'
import { unetOracle } from './unet-oracle.js'

// A plan is how a network is evaluated for sampling on a CPU; libtorch's operations are an oracle.

const DDPMPP = { ...publishedNetwork('ddpmpp-digits/config.json'), initScale: 1 }
const EDM = { kind: 'song', ...SMALL, ...SONG_DDPMPP, channels: 2, labels: 3 } as const
const ADM = { kind: 'dhariwal', ...SMALL, modelChannels: 32, labels: 3 } as const

/**
 * What rounding in float32 comes to on both sides, in parts of the largest value: networks that do not rescale their sums,
 * and Fourier features of large phases, magnify it. A wrong weight, row or border is a percent and more.
 */
const ROUNDING = 2e-4

const available = native().fieldKernels()
afterEach(() => {
  native().chooseFieldKernel(available[0]!, 'auto')
  setThreads(2)
})

interface Batch {
  x: Tensor<'float32'>
  z: Tensor<'float32'>
  labels: Int32Array
}

async function batch(
  { itemShape }: Network,
  count: number,
  heights: readonly number[] = [1, 0.1, 30],
): Promise<Batch> {
  const size = itemShape.reduce((product, each) => product * each, 1)
  const item = (i: number) => Float32Array.from({ length: size }, (_, k) => 2 * Math.sin(1.7 * k + i * i))
  const values = new Float32Array(count * size)
  for (let i = 0; i < count; i++) values.set(item(i), i * size)
  return {
    x: await Tensor.from<'float32'>(values, [count, ...itemShape]),
    z: await Tensor.from<'float32'>(
      Float32Array.from({ length: count }, (_, i) => heights[i % heights.length]!),
      [count],
    ),
    labels: Int32Array.from({ length: count }, (_, i) => (i % 4) - 1),
  }
}

async function evaluated(
  network: Network,
  { x, z, labels }: Batch,
  byLibtorch = false,
  precision: Precision = 'float32',
): Promise<Float32Array[]> {
  const given = 'labels' in network.config && network.config.labels ? labels : undefined
  const field = await network.forward(x, z, given, { byLibtorch, precision })
  const parts = [await field.x.data()]
  if (field.z) parts.push(await field.z.data())
  field.x.dispose()
  field.z?.dispose()
  return parts
}

const rootMeanSquare = (values: Float64Array) =>
  Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length)

/** The largest difference, in parts of the largest value. */
function difference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  const of = (values: Float32Array, other: Float32Array) =>
    values.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0) /
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return Math.max(...a.map((values, i) => of(values, b[i]!)))
}

/** Root mean squares of what a precision is off by, in parts of that of the network's output in float64. */
async function errors(
  config: UnetConfig,
  precision: Precision = 'float32',
): Promise<{ planned: number; byLibtorch: number }> {
  using network = await Network.create({ ...config, output: 'image' }, { seed: 7 })
  const folder = await mkdtemp(join(tmpdir(), 'pfgm-plan-'))
  const path = join(folder, 'weights.safetensors')
  await writeTensors(network.handle, path, {})
  const weights = safetensors(path)
  const height = Math.fround(0.3)
  const given = await batch(network, 1, [height])
  const x = Float64Array.from(await given.x.data())
  const exact = unetOracle(config, (name) => weights.array(name), x, height).values
  const error = async (byLibtorch: boolean) => {
    const [values] = await evaluated(network, given, byLibtorch, precision)
    return rootMeanSquare(exact.map((value, i) => value - values![i]!)) / rootMeanSquare(exact)
  }
  const found = { planned: await error(false), byLibtorch: await error(true) }
  await rm(folder, { recursive: true })
  return found
}

it.each<[string, object]>([
  ['DDPM++', DDPMPP],
  ['NCSN++', { ...DDPMPP, fir: true, progressiveInput: 'residual' }],
  [
    'with the input beside',
    { ...DDPMPP, fir: true, progressiveInput: 'input_skip', progressiveCombine: 'cat' },
  ],
  ["with DDPM's blocks", { ...DDPMPP, resblock: 'ddpm' }],
  ["EDM's NCSN++", { ...EDM, encoder: 'residual', fir: true }],
  ['ADM', ADM],
  ['DDPM', DDPM],
  ['DDPM, padded on one side', { ...DDPM, downsamplePadding: 0 }],
  ["k-diffusion's", K_UNET],
])('%s has a plan, as it rounds otherwise than libtorch', async (_, config) => {
  using network = await Network.create(config as NetworkConfig, { seed: 1 })
  const given = await batch(network, 2)
  expect(await evaluated(network, given)).not.toEqual(await evaluated(network, given, true))
})

describe.each(available)('%s', (kernel) => {
  it('gives what libtorch gives, whatever the sizes', async () => {
    native().chooseFieldKernel(kernel, 'auto')
    await fc.assert(
      fc.asyncProperty(
        anyUnet(DDPMPP, [4, 8, 12, 64]),
        fc.integer({ min: 1, max: 9 }),
        async (config, count) => {
          using network = await Network.create(config, { seed: 3 })
          const given = await batch(network, count)
          const found = difference(await evaluated(network, given), await evaluated(network, given, true))
          expect(found).toBeLessThan(ROUNDING)
        },
      ),
      { numRuns: 25 },
    )
  })

  it("gives what libtorch gives of k-diffusion's networks, whatever the sizes", async () => {
    native().chooseFieldKernel(kernel, 'auto')
    await fc.assert(
      fc.asyncProperty(anyKUnet, fc.integer({ min: 1, max: 9 }), async (config, count) => {
        using network = await Network.create(config, { seed: 3 })
        await giveRandomWeights(network, 4)
        const given = await batch(network, count)
        const found = difference(await evaluated(network, given), await evaluated(network, given, true))
        expect(found).toBeLessThan(ROUNDING)
      }),
      { numRuns: runs(3, 30) },
    )
  })

  it('gives what float64 gives, whatever the sizes', async () => {
    native().chooseFieldKernel(kernel, 'auto')
    const networks = fc.record({
      channels: fc.integer({ min: 1, max: 3 }),
      imageSize: fc.constantFrom(2, 6, 8, 10),
      nf: fc.constantFrom(4, 12, 24),
      chMult: fc.constantFrom<number[]>([1], [2], [1, 2]),
      skipRescale: fc.boolean(),
      centered: fc.boolean(),
      attends: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(networks, async ({ attends, ...options }) => {
        const attnResolutions = attends ? [options.imageSize] : []
        const { planned } = await errors({ ...DDPMPP, ...options, numResBlocks: 1, attnResolutions })
        expect(planned).toBeLessThan(3e-6)
      }),
      { numRuns: 15 },
    )
  })

  it("is about as near to float64 as libtorch is on the digits' network", async () => {
    native().chooseFieldKernel(kernel, 'auto')
    const { planned, byLibtorch } = await errors({ ...DDPMPP, nf: 32 })
    expect(planned).toBeLessThan(2.5 * byLibtorch)
  })

  it('bfloat16 is off by about as much as it is in libtorch, whatever the sizes', async () => {
    native().chooseFieldKernel(kernel, 'auto')
    await fc.assert(
      fc.asyncProperty(
        anyUnet(DDPMPP, [12, 32, 64]).filter(({ imageSize }) => Math.min(...sides(imageSize)) >= 5),
        fc.integer({ min: 1, max: 9 }),
        async (config, count) => {
          using network = await Network.create(config, { seed: 3 })
          const given = await batch(network, count)
          const [exact] = await evaluated(network, given)
          const off = async (byLibtorch: boolean) => {
            const [rounded] = await evaluated(network, given, byLibtorch, 'bfloat16')
            return rootMeanSquare(Float64Array.from(exact!, (value, i) => value - rounded![i]!))
          }
          expect(await off(false)).toBeLessThan(2.5 * (await off(true)))
        },
      ),
      { numRuns: 12 },
    )
  })

  it("bfloat16 is as near to float64 as libtorch's is on the digits' network", async () => {
    native().chooseFieldKernel(kernel, 'auto')
    const { planned, byLibtorch } = await errors({ ...DDPMPP, nf: 32 }, 'bfloat16')
    expect(planned).toBeGreaterThan(1e-4)
    expect(planned).toBeLessThan(1.2 * byLibtorch)
  })

  const bitwise: [string, NetworkConfig][] = [
    ['DDPM++', DDPMPP],
    ["EDM's DDPM++", EDM as NetworkConfig],
    ["EDM's NCSN++", { ...EDM, encoder: 'residual', fir: true } as NetworkConfig],
    ['ADM', ADM as NetworkConfig],
    ['DDPM', DDPM],
    ["k-diffusion's", K_UNET],
  ]
  // Which images go through together is no kernel's affair: one is enough.
  if (kernel === available[0])
    bitwise.push(['DDPM++, more images than go through at a time', { ...DDPMPP, imageSize: 40 }])

  it.each(bitwise)('%s: an item has its bits whatever the batch and the threads', async (_, config) => {
    native().chooseFieldKernel(kernel, 'auto')
    using network = await Network.create(config, { seed: 1 })
    const all = await batch(network, 64)
    for (const precision of PRECISIONS) {
      setThreads(2)
      const [whole] = await evaluated(network, all, false, precision)
      const size = whole!.length / 64
      for (const threads of [1, 2, 3]) {
        setThreads(threads)
        for (const count of [1, 2, 3, 17, 64]) {
          const some = await batch(network, count)
          const [alone] = await evaluated(network, some, false, precision)
          expect(alone).toEqual(whole!.subarray(0, count * size))
        }
      }
    }
  })
})
