import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readHeader, writeTensors } from '../../src/checkpoint/safetensors.js'
import { fieldTarget } from '../../src/flow/pfgm.js'
import type { TrainerHandle } from '../../src/native/addon.js'
import { native } from '../../src/native/native.js'
import { readTensors } from '../../src/native/read-tensors.js'
import { toNative } from '../../src/nn/config.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { emaDecayAt, learningRateAt } from '../../src/train/optimizer.js'
import { float32, golden, goldenPath, maxAbsoluteError, publishedNetwork } from '../golden.js'

const NAME = 'ddpmpp-digits/train-replay.safetensors'

/** Everything a trainer's checkpoint holds, by name. */
async function stateOf(trainer: TrainerHandle): Promise<Map<string, Float32Array>> {
  const path = join(mkdtempSync(join(tmpdir(), 'pfgm-replay-')), 'state.safetensors')
  await writeTensors(trainer, path, {})
  const { entries, dataOffset } = await readHeader(path)
  const data = readFileSync(path).subarray(dataOffset)
  rmSync(path)
  return new Map(
    [...entries.values()].map(({ name, begin, end }) => {
      return [name, new Float32Array(Uint8Array.from(data.subarray(begin, end)).buffer)]
    }),
  )
}

it('four training steps replay the published ones', async () => {
  const file = golden(NAME)
  const { lr, warmup, ema_rate, grad_clip, small_batch, loss } = file.metadata
  const config = toNative(publishedNetwork('ddpmpp-digits/config.json'))
  const trainer = await native().createTrainer(
    config,
    0,
    { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    'cpu',
    0,
  )
  const initial = await readHeader(goldenPath(NAME))
  for (const owner of [trainer.network, trainer.ema]) {
    await readTensors(owner, initial, (name) => `initial.${name}`)
  }
  const losses: number[] = []
  for (let step = 0; step < 4; step++) {
    const sources = await float32(file.array(`batch.${step}`))
    const rows = file.array(`perturbed.${step}`)
    const count = Number(small_batch)
    const x = new Float32Array(count * 192)
    const z = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      x.set(rows.values.subarray(i * 193, i * 193 + 192) as Float32Array, i * 192)
      z[i] = rows.values[i * 193 + 192]!
    }
    const points = await Tensor.from<'float32'>(x, [count, 3, 8, 8])
    const heights = await Tensor.from<'float32'>(z, [count])
    const target = await fieldTarget(sources, points, heights, 5)
    const result = await native().trainStep(
      trainer.id,
      { x: points.handle, z: heights.handle, target: target.handle },
      {
        update: step + 1,
        learningRate: learningRateAt(step, {
          learningRate: Number(lr),
          learningRateSchedule: 'constant',
          warmup: Number(warmup),
          steps: 1e6,
        }),
        clipNorm: Number(grad_clip),
        emaDecay: emaDecayAt(step + 1, Number(ema_rate)),
        furtherEmaDecays: [],
        dropoutSeed: 0,
      },
    )
    losses.push(result.loss)
  }
  const expected = JSON.parse(loss!) as number[]
  for (const [step, value] of losses.entries())
    expect(Math.abs(value / expected[step]! - 1)).toBeLessThan(1e-5)

  const state = await stateOf(trainer.id)
  let error = 0
  let moved = 0
  let worstAverage = 0
  for (const { name } of native().describeState(trainer.network)) {
    const [weights, averages] = [state.get(`model.${name}`)!, state.get(`ema.${name}`)!]
    const final = file.array(`final.${name}`).values
    const before = file.array(`initial.${name}`).values
    for (const [i, value] of weights.entries()) {
      error += (value - final[i]!) ** 2
      moved += (final[i]! - before[i]!) ** 2
    }
    worstAverage = Math.max(worstAverage, maxAbsoluteError(averages, file.array(`ema.${name}`).values))
  }
  expect(Math.sqrt(error / moved)).toBeLessThan(1e-4)
  expect(worstAverage).toBeLessThan(1e-6)
})
