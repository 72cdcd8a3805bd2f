import { expect, it } from 'vitest'
import { Tensor } from '../../src/tensor/tensor.js'
import { Trainer } from '../../src/train/trainer.js'

const CONFIG = { kind: 'mlp', dimensions: 2, width: 4, depth: 1 } as const

/** The items of batches, told by their first values: without noise the points are the items themselves. */
async function items(
  trainer: Trainer,
  count: number,
  seed: number,
  batchSize: number,
  step: number,
): Promise<number[]> {
  const values = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i / 2 : 0))
  using data = await Tensor.from(values, [count, 2])
  const settings = {
    seed,
    step,
    batchSize,
    smallBatchSize: batchSize,
    wholeData: false,
    mirror: false,
    gamma: 5,
    sigma: 0,
    tau: 0.03,
    M: 10,
    restrictM: false,
  }
  using batch = await trainer.batch(data, settings)
  const x = await batch.x.data()
  return Array.from({ length: batchSize }, (_, i) => Math.round(x[2 * i]!))
}

const sorted = (values: number[]) => [...values].sort((a, b) => a - b)

it('every epoch has every item once, in an order of its own, also where batches lie across its end', async () => {
  using trainer = await Trainer.create(CONFIG, 0n, 'cpu')
  const [count, batchSize] = [50, 15] // 10 batches are 3 epochs
  const sequence: number[] = []
  for (let step = 0; step < 10; step++) sequence.push(...(await items(trainer, count, 1, batchSize, step)))
  const epochs = [0, 1, 2].map((epoch) => sequence.slice(epoch * count, (epoch + 1) * count))
  const all = Array.from({ length: count }, (_, i) => i)
  for (const epoch of epochs) expect(sorted(epoch)).toEqual(all)
  expect(new Set([all, ...epochs].map(String)).size).toBe(4)
  // One batch of more than an epoch goes through the same sequence.
  expect(await items(trainer, count, 1, 3 * count, 0)).toEqual(sequence)
})

it('a batch is the same whichever others were made before: of other seeds, data and epochs', async () => {
  using trainer = await Trainer.create(CONFIG, 0n, 'cpu')
  const wanted: [count: number, seed: number, step: number][] = [
    [50, 1, 0],
    [50, 2, 0],
    [40, 1, 0],
    [50, 1, 7],
    [50, 1, 2000],
  ]
  const alone: number[][] = []
  for (const [count, seed, step] of wanted) {
    alone.push(await items(trainer, count, seed, 10, step), await items(trainer, count, seed, 10, step))
  }
  const again: number[][] = []
  for (const [count, seed, step] of wanted.toReversed())
    again.unshift(await items(trainer, count, seed, 10, step))
  const mixed = await Promise.all(wanted.map(([count, seed, step]) => items(trainer, count, seed, 10, step)))
  const each = alone.filter((_, i) => i % 2 === 0)
  expect(alone.filter((_, i) => i % 2 === 1)).toEqual(each)
  expect(again).toEqual(each)
  expect(mixed).toEqual(each)
  expect(new Set(each.map(String)).size).toBe(wanted.length)
})
