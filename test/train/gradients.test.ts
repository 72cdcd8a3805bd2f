import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sides } from '../../src/arguments/image-size.js'
import { product } from '../../src/check.js'
import { writeTensors } from '../../src/checkpoint/safetensors.js'
import { native } from '../../src/native/native.js'
import type { NativePass } from '../../src/native/pass.js'
import { itemShape, type NetworkConfig, type UnetConfig } from '../../src/nn/config.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { Trainer } from '../../src/train/trainer.js'
import { giveTensors } from '../given-tensors.js'
import { publishedNetwork, safetensors } from '../golden.js'
import { runs } from '../long.js'
import { anyUnet } from '../nn/any-unet.js'
import { K_UNET, SMALL, DDPMPP as SONG_DDPMPP } from '../nn/small-networks.js'
import { unetOracle } from '../nn/unet-oracle.js'

// The gradients of a training step, by kernels of the package's own: float64 and libtorch's operations are the oracles.

const DDPMPP: UnetConfig = { ...publishedNetwork('ddpmpp-digits/config.json'), initScale: 1 }
const EDM = { kind: 'song', ...SMALL, ...SONG_DDPMPP, channels: 2, labels: 3 } as const
const ADM = { kind: 'dhariwal', ...SMALL, modelChannels: 32, labels: 3 } as const

const WHOLE: NativePass = { accumulate: 1, recompute: false, precision: 'float32' }
const BY_LIBTORCH: NativePass = { ...WHOLE, byLibtorch: true }

const available = native().fieldKernels()
afterEach(() => native().chooseFieldKernel(available[0]!, 'auto'))

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pfgm-gradients-'))
  return () => rm(folder, { recursive: true })
})

interface Items {
  readonly x: Float32Array
  readonly z: Float32Array
  readonly target: Float32Array
  readonly labels: BigInt64Array | undefined
}

function items(config: NetworkConfig, count: number): Items {
  const size = product(itemShape(config))
  const columns =
    'output' in config && config.output === 'image' ? size : config.kind === 'unet' ? size + 1 : size
  const labelled = 'labels' in config && (config.labels ?? 0) > 0
  return {
    x: Float32Array.from({ length: count * size }, (_, k) => 2 * Math.sin(1.7 * k + 0.3 * k ** 0.5)),
    z: Float32Array.from({ length: count }, (_, i) => [1, 0.1, 30][i % 3]!),
    target: Float32Array.from({ length: count * columns }, (_, k) => Math.cos(2.3 * k)),
    labels: labelled ? BigInt64Array.from({ length: count }, (_, i) => BigInt((i % 4) - 1)) : undefined,
  }
}

/**
 * Gives a trainer weights of which none is special: at first norms scale by 1 and shift by 0, and some convolutions are
 * next to nothing, which hides what a gradient leaves out.
 */
async function scatterWeights(trainer: Trainer): Promise<void> {
  const scattered = ({ name, shape }: { name: string; shape: number[] }) => {
    const size = product(shape)
    const inputs = Math.max(size / shape[0]!, 1)
    const isNorm = shape.length === 1 && name.endsWith('weight')
    const of = (k: number) => Math.sin(12.9898 * k + name.length + 78.233 * shape.length) / Math.sqrt(inputs)
    const value = name.startsWith('adam')
      ? () => 0
      : (k: number) => (isNorm ? 1 + of(k) / 2 : of(k) * (shape.length === 1 ? 0.3 : 1.5))
    return [name, { shape, values: Float32Array.from({ length: size }, (_, k) => value(k)) }] as const
  }
  await giveTensors(trainer.handle, Object.fromEntries(native().describeState(trainer.handle).map(scattered)))
}

interface Step {
  readonly loss: number
  readonly gradients: ReadonlyMap<string, Float32Array>
  readonly weights: ReturnType<typeof safetensors>
}

/** What a first step on the items finds; the weights stay as they are. */
async function step(config: NetworkConfig, { x, z, target, labels }: Items, pass: NativePass): Promise<Step> {
  using trainer = await Trainer.create(config, 5n, 'cpu')
  await scatterWeights(trainer)
  const count = z.length
  using points = await Tensor.from(x, [count, ...trainer.network.itemShape])
  using heights = await Tensor.from(z, [count])
  using targets = await Tensor.from(target, [count, target.length / count])
  using classes = labels && (await Tensor.from(labels, [count]))
  const batch = { x: points.handle, z: heights.handle, target: targets.handle }
  const { loss } = await native().trainStep(
    trainer.handle,
    { ...batch, weight: undefined, labels: classes?.handle },
    { update: 1, learningRate: 0, clipNorm: 0, emaDecay: 0, furtherEmaDecays: [], dropoutSeed: 9n, pass },
  )
  const path = join(folder, 'step.safetensors')
  await writeTensors(trainer.handle, path, {})
  const weights = safetensors(path)
  // Adam's first moment is a tenth of the first gradient.
  const moments = weights.names
    .filter((name) => name.startsWith('adam.m.'))
    .map((name) => [name.slice(7), Float32Array.from(weights.array(name).values, (m) => 10 * m)] as const)
  return { loss, gradients: new Map(moments), weights }
}

function norm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2
  return Math.sqrt(sum)
}

/** How far a step's gradients are from another's at most: of a parameter, in parts of its own and, 1 in 100, of all. */
function difference(a: Step, b: Step): number {
  const all = norm(Array.from(b.gradients.values(), norm))
  const of = ([name, values]: [string, Float32Array]) => {
    const other = b.gradients.get(name)!
    return norm(values.map((value, i) => value - other[i]!)) / (norm(other) + all / 100)
  }
  return Math.max(...Array.from(a.gradients, of))
}

/** The angle between two steps' gradients, in radians. */
function angleBetween(a: Step, b: Step): number {
  const [first, second] = [a, b].map(({ gradients }) =>
    [...gradients.keys()].sort().flatMap((name) => [...gradients.get(name)!]),
  )
  const product = first!.reduce((sum, value, i) => sum + value * second![i]!, 0)
  return Math.acos(product / (norm(first!) * norm(second!)))
}

/** What rounding in float32 comes to on both sides; a wrong sum, row or border is a percent and more. */
const ROUNDING = 1e-4

describe.each(available)('%s', (kernel) => {
  it("are those of libtorch's operations, whatever the network", async () => {
    native().chooseFieldKernel(kernel, 'auto')
    await fc.assert(
      fc.asyncProperty(
        anyUnet(DDPMPP, [4, 8, 12, 32]),
        fc.integer({ min: 1, max: 5 }),
        async (config, count) => {
          const given = items(config, count)
          const [found, expected] = [await step(config, given, WHOLE), await step(config, given, BY_LIBTORCH)]
          expect(Math.abs(found.loss / expected.loss - 1)).toBeLessThan(ROUNDING)
          expect(difference(found, expected)).toBeLessThan(ROUNDING)
        },
      ),
      // The same networks every time: of some in hundreds float32 gives gradients that are off by more, libtorch's alike.
      { numRuns: runs(7, 15), seed: 3 },
    )
  })

  it.each<[string, NetworkConfig, number]>([
    ["EDM's DDPM++", EDM, 3],
    ["EDM's NCSN++", { ...EDM, encoder: 'residual', fir: true }, 3],
    ['ADM, which scales and shifts by the embedding', ADM, 3],
    ["k-diffusion's, whose norms it scales and shifts", K_UNET, 3],
    ['more images than are multiplied at a time', EDM, 70],
  ])("are those of libtorch's operations: %s", async (_, config, count) => {
    native().chooseFieldKernel(kernel, 'auto')
    const given = items(config, count)
    const [found, expected] = [await step(config, given, WHOLE), await step(config, given, BY_LIBTORCH)]
    expect(difference(found, expected)).toBeGreaterThan(0) // they round differently
    expect(difference(found, expected)).toBeLessThan(ROUNDING)
  })

  it('are the slopes of the loss in float64', async () => {
    native().chooseFieldKernel(kernel, 'auto')
    const config: UnetConfig = { ...DDPMPP, nf: 12, numResBlocks: 1, dropout: 0, output: 'image' }
    const given = items(config, 2)
    const { gradients, weights } = await step(config, given, WHOLE)
    const size = given.x.length / 2
    /** The loss where every parameter has moved by so many times its direction. */
    const loss = (by: number, direction: (name: string, i: number) => number) => {
      let sum = 0
      for (const item of [0, 1]) {
        const moved = (name: string) => {
          const { shape, values } = weights.array(`model.${name}`)
          return { shape, values: Float64Array.from(values, (value, i) => value + by * direction(name, i)) }
        }
        const x = Float64Array.from(given.x.subarray(item * size, (item + 1) * size))
        const out = unetOracle(config, moved, x, given.z[item]!).values
        for (const [i, value] of out.entries()) sum += (value - given.target[item * size + i]!) ** 2
      }
      return sum / 4
    }
    const all = norm(Array.from(gradients.values(), norm))
    for (const turn of [1, 2, 3]) {
      // Along the gradient, weighed differently each time.
      const direction = (name: string, i: number) =>
        ((gradients.get(name)?.[i] ?? 0) * (1 + Math.sin(turn * (i + name.length)))) / all
      let expected = 0
      for (const [name, values] of gradients)
        for (const [i, g] of values.entries()) expected += g * direction(name, i)
      const step = 1e-5
      const slope = (loss(step, direction) - loss(-step, direction)) / (2 * step)
      expect(Math.abs(slope / expected - 1)).toBeLessThan(1e-5)
    }
  })

  it("in bfloat16 they are off by about as much as libtorch's are, whatever the network", async () => {
    native().chooseFieldKernel(kernel, 'auto')
    const networks = anyUnet({ ...DDPMPP, dropout: 0 }, [32]).filter(
      ({ imageSize }) => Math.max(...sides(imageSize)) <= 11,
    )
    await fc.assert(
      fc.asyncProperty(networks, fc.integer({ min: 2, max: 4 }), async (config, count) => {
        const given = items(config, count)
        const exact = await step(config, given, WHOLE)
        const angle = async (pass: Partial<NativePass>) =>
          angleBetween(await step(config, given, { ...WHOLE, precision: 'bfloat16', ...pass }), exact)
        const byLibtorch = await angle({ byLibtorch: true })
        expect(byLibtorch).toBeGreaterThan(0)
        const found = await angle({})
        expect(found).toBeGreaterThan(0)
        expect(found).toBeLessThan(2.5 * byLibtorch)
      }),
      { numRuns: runs(1, 3) },
    )
  })

  it('in bfloat16 they are the same where activations are made again', async () => {
    native().chooseFieldKernel(kernel, 'auto')
    const given = items(DDPMPP, 3)
    // Libtorch rounds gradients, too, and adds them up in another order.
    for (const [byLibtorch, rounding] of [
      [false, 1e-3],
      [true, 0.01],
    ] as const) {
      const pass: NativePass = { ...WHOLE, byLibtorch, precision: 'bfloat16' }
      const kept = await step(DDPMPP, given, pass)
      expect(difference(await step(DDPMPP, given, { ...pass, recompute: true }), kept)).toBeLessThan(rounding)
      const exact = await step(DDPMPP, given, { ...pass, precision: 'float32' })
      expect(difference(exact, kept)).toBeGreaterThan(2 * rounding)
    }
  })
})

describe.each<[string, NetworkConfig]>([
  ['DDPM++', { ...DDPMPP, dropout: 0 }],
  ["EDM's DDPM++", { ...EDM, dropout: 0 }],
])('%s', (_, config) => {
  it('accumulated over parts, of the same size or not, they are the same but for rounding', async () => {
    const given = items(config, 7)
    const whole = await step(config, given, WHOLE)
    for (const accumulate of [2, 3, 7, 9]) {
      const found = await step(config, given, { ...WHOLE, accumulate })
      expect(Math.abs(found.loss / whole.loss - 1)).toBeLessThan(ROUNDING)
      expect(difference(found, whole)).toBeLessThan(ROUNDING)
    }
  })
})

it.each<[string, NetworkConfig]>([
  ['DDPM++', { ...DDPMPP, dropout: 0.3 }],
  ["EDM's NCSN++", { ...EDM, encoder: 'residual', fir: true, dropout: 0.3 }],
  ["k-diffusion's", { ...K_UNET, dropout: 0.3 }],
])('%s: with activations made again they are the same, dropout and all', async (_, config) => {
  const given = items(config, 4)
  const [kept, again] = [
    await step(config, given, WHOLE),
    await step(config, given, { ...WHOLE, recompute: true }),
  ]
  expect(again.loss).toBe(kept.loss)
  expect(difference(again, kept)).toBeLessThan(1e-5)
})
