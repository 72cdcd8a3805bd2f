import { expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { createFlow, parseFlow } from '../../src/flow/kinds.js'
import { PUBLISHED } from '../../src/flow/pfgm.js'
import { memory } from '../../src/native/device.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { preset } from '../../src/train/presets.js'
import { Trainer } from '../../src/train/trainer.js'

it('200 training steps do not make the process grow', { timeout: 120_000 }, async () => {
  const { values, count, shape } = await datasets.digits()
  using data = await Tensor.from(values, [count, ...shape])
  const { network } = preset('digits')
  if (network.kind !== 'unet') throw new Error('the digits preset is a U-Net')
  using trainer = await Trainer.create({ ...network, nf: 8, dropout: 0.1 }, 0n, 'cpu')
  const flow = createFlow(parseFlow({ ...PUBLISHED, M: 261, zMax: 18, upperNorm: 180 }))
  const steps = async (from: number, to: number) => {
    for (let step = from; step < to; step++) {
      const draw = { seed: 0n, step, batchSize: 128, smallBatchSize: 32, wholeData: false, mirror: false }
      const batch = await flow.batch(data, draw, 'cpu')
      const settings = {
        update: step + 1,
        learningRate: 1e-3,
        clipNorm: 1,
        emaDecay: 0.9,
        furtherEmaDecays: [],
        dropoutSeed: step,
      }
      const { applied } = await trainer.step(batch, settings)
      expect(applied).toBe(true)
    }
  }
  await steps(0, 50)
  const warm = memory()
  await steps(50, 250)
  expect(memory().handles).toBe(warm.handles)
  expect(memory().resident - warm.resident).toBeLessThan(16 * 2 ** 20)
})
