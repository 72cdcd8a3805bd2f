import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { RunFolder } from '../../src/checkpoint/run-folder.js'
import { readHeader } from '../../src/checkpoint/safetensors.js'
import { digits } from '../../src/data/digits.js'
import { readTorchFile, type StoredTensor } from '../../src/files/torch-file.js'
import { readTensors } from '../../src/native/read-tensors.js'
import type { UnetConfig } from '../../src/nn/config.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { publishedNetwork } from '../golden.js'
import { SMALL_PFGM } from '../pfgm-settings.js'
import { publishedFlow } from '../published-flow.js'
import { pythonWithTorch } from '../python.js'
import { giveRandomWeights } from '../random-weights.js'
import { eventsOf } from '../train/runs.js'

const call = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'pfgm-export-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = (name: string) => join(folder, name)
const python = await pythonWithTorch()

/** A model of random weights, of which nothing is alike. */
async function random(config: Partial<UnetConfig> = {}, step = 123_456): Promise<PoissonFlow> {
  const network = await Network.create({ ...publishedNetwork('ddpmpp-digits/config.json'), ...config })
  await giveRandomWeights(network, 3)
  return PoissonFlow.of(network, { data: 'any', step, flow: SMALL_PFGM })
}

const STEPS = 3

beforeAll(async () => {
  const network = { ...publishedNetwork('ddpmpp-digits/config.json'), channels: 1, nf: 8 }
  const options = { steps: STEPS, batchSize: 8, smallBatchSize: 8, warmup: 0, emaRate: 0.5, sampleEvery: 0 }
  const training = { ...options, learningRate: 0.01, evaluationCount: 0 }
  await eventsOf({ data: await digits(), out: path('run'), network, ...training })
})

/** Points, and what the package's network gives there, as raw values. */
async function writePoints({ network }: PoissonFlow): Promise<void> {
  const z = Float32Array.of(0.01, 0.5, 3, 40)
  const x = Float32Array.from({ length: z.length * network.dimensions }, (_, i) => 2 * Math.sin(1.3 * i))
  using images = await Tensor.from<'float32'>(x, [z.length, ...network.itemShape])
  using heights = await Tensor.from<'float32'>(z, [z.length])
  const field = await network.forward(images, heights)
  using ofX = field.x
  using ofZ = field.z!
  const arrays = { x, z, v_x: await ofX.data(), v_z: await ofZ.data() }
  for (const [name, values] of Object.entries(arrays)) writeFileSync(path(name), values)
  writeFileSync(path('config.json'), JSON.stringify(network.config))
}

it.skipIf(python === undefined)('PyTorch loads what is exported, as it is', async () => {
  using model = await random()
  await writePoints(model)
  expect(await model.export(path('model.safetensors'))).toEqual([])
  expect(await model.export(path('checkpoint.pth'))).toEqual([expect.stringContaining('no moments of Adam')])
  using trained = await PoissonFlow.load(path('run'))
  await trained.export(path('trained.pth'))
  writeFileSync(path('trained.json'), JSON.stringify(trained.config.network))
  const script = fileURLToPath(new URL('exported.py', import.meta.url))
  const { stdout } = await call(python!, [script, folder])
  const { plain, wrapped, averaged, rate, sigmas, ...rest } = JSON.parse(stdout)
  for (const error of [plain, wrapped, averaged]) expect(error).toBeLessThan(1e-5)
  expect(rate).toBeCloseTo(2e-4, 6) // Adam's first step is as long as its rate
  expect(sigmas[0]).toBeCloseTo(50, 10)
  expect(sigmas[1]).toBeCloseTo(0.01, 12)
  expect(rest).toEqual({
    steps: [STEPS + 1],
    step: 123_456,
    ema: { decay: 0.9999, num_updates: 123_456 },
    keys: ['ema', 'model', 'optimizer', 'step'],
  })
})

it('a checkpoint of the published form has the weights to the bit, in their order', async () => {
  using model = await publishedFlow()
  await model.export(path('digits.pth'))
  const file = await readTorchFile(path('digits.pth'))
  const parameters = model.network.parameters()
  const value = file.value as Map<string, Map<string, unknown>>
  expect([...value.keys()]).toEqual(['optimizer', 'model', 'ema', 'step'])
  expect([...value.get('model')!.keys()]).toEqual([
    'module.sigmas',
    ...parameters.map(({ name }) => `module.${name}`),
  ])
  const shadows = value.get('ema')!.get('shadow_params') as StoredTensor[]
  expect(shadows.map(({ shape }) => shape)).toEqual(parameters.map(({ shape }) => shape))
  const weightsBy = async (rename: (name: string) => string) => {
    using read = await Network.create(model.network.config)
    await readTensors(read.handle, file, rename)
    return await forward(read)
  }
  const expected = await forward(model.network)
  expect(await weightsBy((name) => `model.module.${name}`)).toEqual(expected)
  const places = new Map(parameters.map(({ name }, i) => [name, i]))
  expect(await weightsBy((name) => `ema.shadow_params.${places.get(name)}`)).toEqual(expected)
})

async function forward(network: Network): Promise<Float32Array> {
  using x = await Tensor.full([1, 3, 8, 8], 0.3, 'float32')
  using z = await Tensor.full([1], 2, 'float32')
  const field = await network.forward(x, z)
  using ofX = field.x
  using _ofZ = field.z!
  return ofX.data()
}

it('of a run it has all that training goes on from', async () => {
  using model = await PoissonFlow.load(path('run'))
  await model.export(path('run.pth'))
  const file = await readTorchFile(path('run.pth'))
  const checkpoint = await readHeader(new RunFolder(path('run')).checkpoint(STEPS))
  const [found, expected] = [file, checkpoint].map(({ path: from, entries, dataOffset }) => {
    const bytes = readFileSync(from)
    return (name: string) => {
      const { begin, end } = entries.get(name)!
      return bytes.subarray(dataOffset + begin, dataOffset + end)
    }
  }) as [(name: string) => Buffer, (name: string) => Buffer]
  for (const [i, { name }] of model.network.parameters().entries()) {
    expect(found(`model.module.${name}`).equals(expected(`model.${name}`))).toBe(true)
    expect(found(`ema.shadow_params.${i}`).equals(expected(`ema.${name}`))).toBe(true)
    expect(found(`optimizer.state.${i}.exp_avg`).equals(expected(`adam.m.${name}`))).toBe(true)
    expect(found(`optimizer.state.${i}.exp_avg_sq`).equals(expected(`adam.v.${name}`))).toBe(true)
    expect(found(`optimizer.state.${i}.step`).readFloatLE()).toBe(STEPS)
  }
  const { optimizer, ema, step } = Object.fromEntries(file.value as Map<string, Map<string, unknown>>)
  const [group] = optimizer!.get('param_groups') as [Map<string, unknown>]
  expect([group.get('lr'), ema!.get('decay'), ema!.get('num_updates'), step]).toEqual([
    0.01,
    0.5,
    STEPS,
    STEPS,
  ])
})

it('Fourier frequencies are a parameter of the optimizer and none of the average', async () => {
  using model = await random({ embedding: 'fourier' })
  await model.export(path('fourier.pth'))
  const { value } = await readTorchFile(path('fourier.pth'))
  const { optimizer, ema } = Object.fromEntries(value as Map<string, Map<string, unknown>>)
  const [{ params }] = (optimizer!.get('param_groups') as Map<string, unknown[]>[]).map((group) => ({
    params: group.get('params')!,
  })) as [{ params: unknown[] }]
  const count = model.network.parameters().length
  expect(params.length).toBe(count)
  expect((ema!.get('shadow_params') as unknown[]).length).toBe(count - 1)
})

it('classes are left out of a published checkpoint, and it is said', async () => {
  using model = await PoissonFlow.load('digits')
  expect(await model.export(path('classes.pth'))).toEqual([
    expect.stringContaining('classes.pth has no classes, which the published code does not know'),
    expect.stringContaining('no moments of Adam'),
  ])
  const { entries } = await readTorchFile(path('classes.pth'))
  expect([...entries.keys()].filter((name) => name.includes('map_label'))).toEqual([])
})

it('a checkpoint is not written over by its own model', async () => {
  const checkpoint = new RunFolder(path('run')).checkpoint(STEPS)
  const bytes = readFileSync(checkpoint)
  using model = await PoissonFlow.load(checkpoint)
  await expect(model.export(checkpoint, { format: 'safetensors' })).rejects.toThrow(
    'Expected out to be another file than source',
  )
  expect(readFileSync(checkpoint)).toEqual(bytes)
})

it('a checkpoint of another program is exported as one of its weights', async () => {
  using model = await random()
  await model.export(path('first.pth'))
  const flow = SMALL_PFGM
  using again = await PoissonFlow.load(path('first.pth'), { network: { imageSize: 8 }, flow })
  expect(await again.export(path('second.pth'))).toEqual([expect.stringContaining('no moments of Adam')])
  using read = await PoissonFlow.load(path('second.pth'), { network: { imageSize: 8 }, flow })
  expect(await forward(read.network)).toEqual(await forward(model.network))
})

it('VE’s noise goes out and comes back in', async () => {
  const config = { embedding: 'fourier', progressiveInput: 'residual', fir: true, output: 'image' } as const
  const network = await Network.create({ ...publishedNetwork('ddpmpp-digits/config.json'), ...config })
  const flow = { kind: 've', sigmaMin: 0.02, sigmaMax: 70 } as const
  using model = PoissonFlow.of(network, { data: 'any', step: 0, flow: { ...flow, tMin: 1e-5 } })
  await model.export(path('ve.pth'))
  using read = await PoissonFlow.load(path('ve.pth'), { network: { imageSize: 8, centered: true } })
  expect(read.config.flow).toMatchObject(flow)
})

it('float16 leaves random frequencies as they are', async () => {
  using model = await random({ embedding: 'fourier' })
  await model.save(path('half.safetensors'), { dtype: 'F16' })
  const { entries } = await readHeader(path('half.safetensors'))
  expect(entries.get('all_modules.0.W')).toMatchObject({ dtype: 'F32' })
  expect(entries.get('all_modules.1.weight')).toMatchObject({ dtype: 'F16' })
  using read = await PoissonFlow.load(path('half.safetensors'))
  const [found, expected] = [await forward(read.network), await forward(model.network)]
  const error = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)))
  expect(error / Math.max(...expected.map(Math.abs))).toBeLessThan(0.01)
})

it('a file of safetensors is the package’s own, too', async () => {
  using model = await random()
  await model.export(path('own.tensors'), { format: 'safetensors' })
  using read = await PoissonFlow.load(path('own.tensors'))
  expect(read.config).toEqual(model.config)
  expect(await forward(read.network)).toEqual(await forward(model.network))
  const { entries } = await readHeader(path('own.tensors'))
  expect([...entries.keys()]).toEqual(model.network.parameters().map(({ name }) => name))
})

it('what cannot be written is refused, and nothing is left', async () => {
  using points = PoissonFlow.of(await Network.create({ kind: 'mlp', dimensions: 2, width: 8, depth: 1 }), {
    data: 'any',
    step: 0,
    flow: SMALL_PFGM,
  })
  await expect(points.export(path('points.pth'))).rejects.toThrow(
    'Expected a network of kind unet for the format pth, as the published code of PFGM has, but received one of kind mlp',
  )
  await expect(points.export(path('points.bin'))).rejects.toThrow(
    'Expected path to end in .safetensors, .pth, .onnx, or the format to be given, but received',
  )
  await expect(points.export(path('points.onnx'), { format: 'tflite' })).rejects.toThrow(
    'Expected format to be one of safetensors, pth, onnx but received "tflite"',
  )
  await expect(points.export(path('missing/points.onnx'))).rejects.toThrow('Could not write')
  for (const name of ['points.pth', 'points.bin', 'points.onnx']) {
    expect(statSync(path(name), { throwIfNoEntry: false })).toBeUndefined()
  }
})
