import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { GivenFlow } from '../../src/flow/kinds.js'
import type { NetworkConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { drifts } from '../flow/drifts.js'
import { maxAbsoluteError, publishedNetwork } from '../golden.js'
import { runs } from '../long.js'
import { anyUnet } from '../nn/any-unet.js'
import { DDPM, DDPMPP, K_UNET, NCSNPP, SMALL } from '../nn/small-networks.js'
import { SMALL_PFGM } from '../pfgm-settings.js'
import { giveRandomWeights } from '../random-weights.js'
import { openOnnx } from './onnx-session.js'

const folder = mkdtempSync(join(tmpdir(), 'pfgm-onnx-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Of the largest value: what trained networks are off by, and random ones, which magnify what float32 rounds. */
const TRAINED = 1e-5
const RANDOM = 2e-4

const EDM = { kind: 'edm', sigmaMax: 80, sigmaMin: 0.002, sigmaData: 0.5, pMean: -1.2, pStd: 1.2 } as const
const VE = { kind: 've', sigmaMin: 0.02, sigmaMax: 100, tMin: 1e-5 } as const
const VP = { kind: 'vp', betaMin: 0.1, betaMax: 20, tMin: 1e-3 } as const
const SUBVP = { ...VP, kind: 'subvp' } as const

let files = 0

/** How far the file's outputs are from the package's own, in parts of the largest value of each. */
async function errors(
  model: PoissonFlow,
  heights: readonly number[] = [0.004, 0.9, 4.9, 5, 30],
): Promise<Record<string, number>> {
  const path = join(folder, `${files++}.onnx`)
  expect(await model.export(path)).toEqual([])
  const { itemShape, dimensions } = model.network
  const count = heights.length
  const x = Float32Array.from({ length: count * dimensions }, (_, i) => {
    const height = heights[Math.floor(i / dimensions)]!
    return Math.sin(1.7 * i + height) * (1 + height)
  })
  const z = Float32Array.from(heights)
  const label = model.classCount > 0 ? Int32Array.from(heights, (_, i) => (i % 4) - 1) : undefined
  const session = await openOnnx(path)
  expect(session.inputNames).toEqual(['x', 'z', ...(label ? ['label'] : [])])
  const found = await session.run({ x, z, ...(label && { label }) }, itemShape)
  await session.release()
  const expected = await own(model, x, z, label)
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort())
  return Object.fromEntries(
    Object.entries(expected).map(([name, values]) => {
      // Of a Poisson flow's denoised image, whose x and z v_x / v_z cancel, x is what digits are lost of.
      const cancels = name === 'denoised' && model.config.flow.kind === 'pfgm'
      const scale = largest([...Array.from(values), ...(cancels ? x : [])])
      return [name, maxAbsoluteError(found[name]!, values) / scale]
    }),
  )
}

/** What the package itself computes at points. */
async function own(
  model: PoissonFlow,
  x: Float32Array,
  z: Float32Array,
  labels: Int32Array | undefined,
): Promise<Record<string, ArrayLike<number>>> {
  const { network } = model
  const count = z.length
  using points = await Tensor.from<'float64'>(Float64Array.from(x), [count, network.dimensions])
  using drift = model.flow.drift(network)
  const away = await drifts(drift.handle, points, [...z], 'own', labels)
  const denoised = x.map((value, i) => value - away[i]!)
  if ((model.flow.heightName as string) !== 'z') return { denoised }
  using images = await Tensor.from<'float32'>(x, [count, ...network.itemShape])
  using told = await Tensor.from<'float32'>(z, [count])
  const field = await network.forward(images, told, labels)
  using ofX = field.x
  using ofZ = field.z!
  return { denoised, v_x: await ofX.data(), v_z: await ofZ.data() }
}

async function random(config: NetworkConfig, flow: GivenFlow, seed = 1): Promise<PoissonFlow> {
  const network = await Network.create(config)
  await giveRandomWeights(network, seed)
  return PoissonFlow.of(network, { data: 'any', step: 7, flow })
}

const largest = (values: readonly number[]) =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
const worst = (of: Record<string, number>) => Math.max(...Object.values(of))

describe('a model as ONNX', () => {
  it.each(['digits', 'fashion'])('%s, as it is shipped, is the same function', async (name) => {
    using model = await PoissonFlow.load(name)
    expect(worst(await errors(model))).toBeLessThan(TRAINED)
  })

  it('any U-Net is', async () => {
    const base = publishedNetwork('ddpmpp-digits/config.json')
    await fc.assert(
      fc.asyncProperty(anyUnet(base, [8, 16]), fc.integer({ min: 1, max: 1000 }), async (config, seed) => {
        using model = await random(config, config.output === 'image' ? VE : SMALL_PFGM, seed)
        expect(worst(await errors(model))).toBeLessThan(RANDOM)
      }),
      { numRuns: runs(4, 300) },
    )
  })

  it.each<[string, NetworkConfig, GivenFlow]>([
    ['DDPM++ of EDM', { kind: 'song', ...SMALL, ...DDPMPP, labels: 3 }, EDM],
    [
      'NCSN++ of EDM',
      { kind: 'song', ...SMALL, ...NCSNPP, labels: 3, channels: 3 },
      { ...EDM, kind: 'pfgmpp', D: 64, draw: 'paper' },
    ],
    [
      'with an encoder without filter',
      { kind: 'song', ...SMALL, ...DDPMPP, encoder: 'residual', imageSize: [8, 12], attnResolutions: [12] },
      EDM,
    ],
    ['ADM', { kind: 'dhariwal', ...SMALL, modelChannels: 64, labels: 3 }, EDM],
    ['DDPM', DDPM, VP],
    [
      'DDPM of one head',
      {
        ...DDPM,
        headChannels: undefined,
        downsamplePadding: 0,
        frequencyShift: 1,
      },
      VP,
    ],
    ["k-diffusion's", { ...K_UNET, blockChannels: [16, 128] }, EDM],
    [
      "k-diffusion's of patches",
      { ...K_UNET, patchSize: 2, channels: 2, imageSize: [16, 8], labels: 0 },
      EDM,
    ],
    ['a RefineNet', { kind: 'refinenet', channels: 2, imageSize: [8, 6], nf: 8 }, SMALL_PFGM],
    ['a RefineNet of images', { kind: 'refinenet', channels: 1, imageSize: 8, nf: 8, output: 'image' }, VP],
    ['points', { kind: 'mlp', dimensions: 3, width: 16, depth: 2 }, SMALL_PFGM],
    ['points of noise', { kind: 'mlp', dimensions: 3, width: 16, depth: 2, output: 'image' }, SUBVP],
  ])('%s', async (_, config, flow) => {
    using model = await random(config, flow)
    expect(worst(await errors(model))).toBeLessThan(RANDOM)
  })
})

it('Euler steps with it end in the samples of the solver euler', async () => {
  using model = await PoissonFlow.load('digits')
  const path = join(folder, 'euler.onnx')
  await model.export(path)
  const session = await openOnnx(path)
  const { far, near } = model.flow
  const [count, steps, label] = [3, 25, Int32Array.of(3, 5, 8)]
  using starts = await model.flow.prior(BigUint64Array.of(11n, 12n, 13n), 64)
  let x = Float32Array.from(await starts.data())
  const heightAt = (i: number) => far.height * (near.height / far.height) ** (i / steps)
  for (let i = 0; i < steps; i++) {
    const [z, next] = [heightAt(i), heightAt(i + 1)]
    const { denoised } = await session.run({ x, z: new Float32Array(count).fill(z), label }, [1, 8, 8])
    x = x.map((value, k) => value + (next / z - 1) * (value - denoised![k]!))
  }
  await session.release()
  const options = { count, seed: 11, labels: label, solver: 'euler', steps, schedule: 'uniform' } as const
  const { images } = await model.sample(options)
  using drawn = images
  // A grey level is .0078.
  expect(maxAbsoluteError(x, await drawn.data())).toBeLessThan(1e-3)
})

describe('what is not there is refused', () => {
  it('a label that is none of the classes', async () => {
    using model = await PoissonFlow.load('digits')
    const path = join(folder, 'digits.onnx')
    await model.export(path)
    const session = await openOnnx(path)
    const inputs = { x: new Float32Array(64), z: Float32Array.of(1) }
    await expect(session.run({ ...inputs, label: Int32Array.of(10) }, [1, 8, 8])).rejects.toThrow('Gather')
    const values = await session.run({ ...inputs, label: Int32Array.of(9) }, [1, 8, 8])
    expect(values.denoised!.length).toBe(64)
    await session.release()
  })

  it('a network that no operation of ONNX makes, and nothing is written', async () => {
    const config = { kind: 'gaussians', dimensions: 2, components: 1, deviation: 1, gamma: 5 } as const
    using model = PoissonFlow.of(await Network.create(config), { data: 'any', step: 0, flow: SMALL_PFGM })
    const path = join(folder, 'gaussians.onnx')
    await expect(model.export(path)).rejects.toThrow('for the format onnx but received one of kind gaussians')
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
  })
})
