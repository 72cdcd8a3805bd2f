import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { datasets, openDataset } from '../../src/data/index.js'

type Open = (options: unknown) => Promise<unknown>

const openers: [string, Open][] = [
  ['array', (options) => datasets.array(new Uint8Array(2), [2], options as object)],
  ['cifar10', (options) => datasets.cifar10('x', options as object)],
  ['cifar100', (options) => datasets.cifar100('x', options as object)],
  ['folder', (options) => datasets.folder('x', options as object)],
  ['idx', (options) => datasets.idx('x', options as object)],
  ['images', (options) => datasets.images(['x'], options as { size: number })],
  ['npy', (options) => datasets.npy('x', options as object)],
  ['npz', (options) => datasets.npz('x', options as object)],
  ['toy', (options) => datasets.toy('heart', options as object)],
  ['openDataset', (options) => openDataset('digits', options as object)],
]

test.each(openers)('%s checks its options', async (name, open) => {
  for (const options of [null, 1, 'text', []]) {
    await expect(open(options)).rejects.toThrow(TypeError)
    await expect(open(options)).rejects.toThrow(`Expected options of ${name} to be an object`)
  }
  await expect(open({ colour: 1 })).rejects.toThrow(/^Expected options of \w+ to be an object of .*"colour"$/)
  if (name !== 'images' && name !== 'toy') await expect(open({ mirror: 1 })).rejects.toThrow(TypeError)
})

test('paths have no null bytes', async () => {
  for (const open of [
    datasets.folder,
    datasets.idx,
    datasets.npy,
    datasets.npz,
    datasets.cifar10,
    openDataset,
  ]) {
    await expect(open('a\0b')).rejects.toThrow(TypeError)
  }
  await expect(datasets.images(['a\0b'], { size: 8 })).rejects.toThrow('Expected files[0] to be a path')
})

test('arrays of another realm are arrays', async () => {
  const values = runInNewContext('Float32Array.of(1, 2, 3, 4)')
  const labels = runInNewContext('Uint8Array.of(5, 6)')
  expect(values).not.toBeInstanceOf(Float32Array)
  const dataset = await datasets.array(values, [2], { labels })
  expect(dataset).toMatchObject({
    count: 2,
    values: Float32Array.of(1, 2, 3, 4),
    labels: Uint8Array.of(5, 6),
  })
  expect(dataset.values.buffer).toBe(values.buffer)
})

test('shared and resizable memory is copied', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(3)
  const resizable = runInNewContext(
    'new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 })).fill(3)',
  ) as Uint8Array
  for (const values of [shared, resizable]) {
    const dataset = await datasets.array(values, [2])
    values.fill(9)
    expect(dataset.values).toEqual(Uint8Array.of(3, 3, 3, 3))
  }
})

test('detached memory is refused', async () => {
  const values = new Float32Array(4)
  structuredClone(values.buffer, { transfer: [values.buffer] })
  await expect(datasets.array(values, [2])).rejects.toThrow(TypeError)
  await expect(datasets.array(values, [2])).rejects.toThrow(
    'Expected values to be over a buffer that is there',
  )
})
