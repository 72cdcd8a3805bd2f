import { expect, it } from 'vitest'
import { datasets } from '../../src/data/index.js'
import { Network } from '../../src/nn/network.js'
import { PoissonFlow } from '../../src/poisson-flow.js'
import { Tensor } from '../../src/tensor/tensor.js'
import { eventsOf, newOut } from '../train/runs.js'

const SMALL = { kind: 'refinenet', channels: 1, imageSize: 8, nf: 16 } as const

it.each([
  ['a field', 0.4, SMALL, { kind: 'pfgm' }],
  ['an image', 0.93, { ...SMALL, output: 'image' }, { kind: 'edm' }],
] as const)(
  'learns %s, and its samples do not depend on what is drawn beside them',
  async (_, falls, network, flow) => {
    const data = await datasets.digits()
    const out = newOut()
    const options = {
      steps: 60,
      batchSize: 32,
      smallBatchSize: 32,
      learningRate: 2e-3,
      warmup: 0,
      emaRate: 0.9,
      sampleEvery: 0,
    }
    const events = await eventsOf({ data, out, network, flow, ...options, evaluationCount: 0 })
    const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []))
    const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
    expect(mean(losses.slice(-10))).toBeLessThan(falls * mean(losses.slice(0, 5)))
    using model = await PoissonFlow.load(out)
    const draw = async (count: number) => {
      const { images } = await model.sample({ count, solver: 'heun', steps: 4, seed: 3 })
      using _ = images
      return images.data()
    }
    // One more than a tile takes.
    const [alone, many] = [await draw(1), await draw(17)]
    expect(alone.every(Number.isFinite)).toBe(true)
    expect(many.slice(0, 64)).toEqual(alone)
  },
  120_000,
)

it('tells heights apart, near the data and far out, by their ratio', async () => {
  using network = await Network.create(SMALL, { seed: 4 })
  using x = await Tensor.full([4, 1, 8, 8], 0.5, 'float32')
  using z = await Tensor.from<'float32'>(Float32Array.of(0.001, 0.002, 50, 100), [4])
  const field = await network.forward(x, z)
  using image = field.x
  using vertical = field.z!
  expect(vertical.shape).toEqual([4])
  const rows = Array.from({ length: 4 }, async (_, row) =>
    (await image.data()).slice(64 * row, 64 * row + 64),
  )
  const [near, next, far, farther] = await Promise.all(rows)
  const norm = (values: Float32Array) => Math.hypot(...values)
  const apart = (a: Float32Array, b: Float32Array) => norm(a.map((each, i) => each - b[i]!)) / norm(a)
  expect(apart(near!, next!)).toBeGreaterThan(0.01)
  expect(apart(far!, farther!)).toBeGreaterThan(0.01)
})

it('a size that cannot be halved is refused', async () => {
  await expect(Network.create({ ...SMALL, imageSize: 9 })).rejects.toThrow(
    'Expected imageSize to be at most 4096 and divisible by 2^1 (one halving between levels), but received 9',
  )
})
