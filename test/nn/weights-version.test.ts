import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readHeader, writeTensors } from '../../src/checkpoint/safetensors.js'
import { Batch } from '../../src/flow/batch.js'
import { native } from '../../src/native/native.js'
import { readTensors } from '../../src/native/read-tensors.js'
import { Network } from '../../src/nn/network.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { Trainer } from '../../src/train/trainer.js'
import { temporaryFolders } from '../data/temporary.js'

const CONFIG = { kind: 'mlp', dimensions: 2, width: 16, depth: 1 } as const
const newFolder = temporaryFolders()

async function step(trainer: Trainer, x: number): Promise<boolean> {
  const full = (value: number, ...shape: number[]) => native().fullTensor(shape, value, 'float32')
  const batch = new Batch({ x: await full(x, 4, 2), z: await full(1, 4), target: await full(1, 4, 3) })
  const settings = {
    update: 1,
    learningRate: 1e-3,
    clipNorm: 1,
    emaDecay: 0.9,
    furtherEmaDecays: [],
    dropoutSeed: 0,
  }
  return (await trainer.step(batch, settings)).applied
}

it('an update raises the version of the weights and of their average; one that is not applied does not', async () => {
  using trainer = await Trainer.create(CONFIG, 0n, 'cpu')
  const versions = () => [trainer.network.weightsVersion, trainer.averaged.weightsVersion]
  const [network, averaged] = versions() as [number, number]
  expect(await step(trainer, 0.5)).toBe(true)
  expect(versions()).toEqual([network + 1, averaged + 1])
  expect(await step(trainer, Number.NaN)).toBe(false)
  expect(versions()).toEqual([network + 1, averaged + 1])
})

it('reading weights raises it, of all of the networks that are read; writing and evaluating do not', async () => {
  const path = join(await newFolder(), 'state.safetensors')
  using trainer = await Trainer.create(CONFIG, 0n, 'cpu')
  using network = await Network.create(CONFIG)
  const versions = () =>
    [network, trainer.network, trainer.averaged].map(({ weightsVersion }) => weightsVersion)
  const fresh = versions()
  const raised = (by: number[]) => fresh.map((version, i) => version + by[i]!)

  using x = await Tensor.from<'float32'>(new Float32Array(2), [1, 2])
  using z = await Tensor.from<'float32'>(new Float32Array([1]), [1])
  const field = await network.forward(x, z)
  field.x.dispose()
  field.z!.dispose()
  await writeTensors(trainer.handle, path, {})
  await writeTensors(network.handle, `${path}.network`, {})
  expect(versions()).toEqual(fresh)

  const file = await readHeader(path)
  await readTensors(network.handle, file, (name) => `ema.${name}`)
  expect(versions()).toEqual(raised([1, 0, 0]))
  await readTensors(trainer.handle, file)
  expect(versions()).toEqual(raised([1, 1, 1]))

  // The first tensors have been read where the file turns out to end early.
  truncateSync(path, file.dataOffset + 512)
  await expect(readTensors(network.handle, file, (name) => `model.${name}`)).rejects.toThrow('truncated')
  expect(versions()).toEqual(raised([2, 1, 1]))
})
