import { expect, it } from 'vitest'
import { PFGM, PUBLISHED } from '../../src/flow/pfgm.js'
import { Tensor } from '../../src/tensor/tensor.js'

const FLOW = PFGM.create({ kind: 'pfgm', ...PUBLISHED, sigma: 0, M: 10, zMax: 5, upperNorm: 40 })

/** The items of batches, told by their first values: without noise the points are the items themselves. */
async function items(count: number, seed: number, batchSize: number, step: number): Promise<number[]> {
  const values = Float32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? i / 2 : 0))
  using data = await Tensor.from(values, [count, 2])
  const draw = {
    seed: BigInt(seed),
    step,
    batchSize,
    smallBatchSize: batchSize,
    wholeData: false,
    mirror: false,
  }
  using batch = await FLOW.batch(data, draw, 'cpu')
  const x = await batch.x.data()
  return Array.from({ length: batchSize }, (_, i) => Math.round(x[2 * i]!))
}

const sorted = (values: number[]) => [...values].sort((a, b) => a - b)

it('every epoch has every item once, in an order of its own, also where batches lie across its end', async () => {
  const [count, batchSize] = [50, 15] // 10 batches are 3 epochs
  const sequence: number[] = []
  for (let step = 0; step < 10; step++) sequence.push(...(await items(count, 1, batchSize, step)))
  const epochs = [0, 1, 2].map((epoch) => sequence.slice(epoch * count, (epoch + 1) * count))
  const all = Array.from({ length: count }, (_, i) => i)
  for (const epoch of epochs) expect(sorted(epoch)).toEqual(all)
  expect(new Set([all, ...epochs].map(String)).size).toBe(4)
  // One batch of more than an epoch goes through the same sequence.
  expect(await items(count, 1, 3 * count, 0)).toEqual(sequence)
})

it('a batch is the same whichever others were made before: of other seeds, data and epochs', async () => {
  const wanted: [count: number, seed: number, step: number][] = [
    [50, 1, 0],
    [50, 2, 0],
    [40, 1, 0],
    [50, 1, 7],
    [50, 1, 2000],
  ]
  const alone: number[][] = []
  for (const [count, seed, step] of wanted) {
    alone.push(await items(count, seed, 10, step), await items(count, seed, 10, step))
  }
  const again: number[][] = []
  for (const [count, seed, step] of wanted.toReversed()) again.unshift(await items(count, seed, 10, step))
  const mixed = await Promise.all(wanted.map(([count, seed, step]) => items(count, seed, 10, step)))
  const each = alone.filter((_, i) => i % 2 === 0)
  expect(alone.filter((_, i) => i % 2 === 1)).toEqual(each)
  expect(again).toEqual(each)
  expect(mixed).toEqual(each)
  expect(new Set(each.map(String)).size).toBe(wanted.length)
})
