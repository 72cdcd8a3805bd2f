import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cifar10, cifar100 } from '../../src/data/cifar.js'
import { photographPatches } from './photographs.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()
const patches = await photographPatches(12)

/** Patches `from` to `to` as records that begin with what `labels` gives for each. */
function records(from: number, to: number, labels: (item: number) => number[]): Buffer {
  const parts: Uint8Array[] = []
  for (let item = from; item < to; item++) {
    parts.push(
      Uint8Array.from(labels(item)),
      patches.values.subarray(item * 3072, (item + 1) * 3072) as Uint8Array,
    )
  }
  return Buffer.concat(parts)
}

async function cifar10Folder(parent: string): Promise<string> {
  const folder = join(parent, 'cifar-10-batches-bin')
  await mkdir(folder)
  for (let batch = 0; batch < 5; batch++) {
    const bytes = records(2 * batch, 2 * batch + 2, (item) => [item % 10])
    await writeFile(join(folder, `data_batch_${batch + 1}.bin`), bytes)
  }
  await writeFile(
    join(folder, 'test_batch.bin'),
    records(10, 12, (item) => [item % 10]),
  )
  return folder
}

test('CIFAR-10: the batches of a folder in order, the folder above it, the test images', async () => {
  const parent = await temporary()
  const folder = await cifar10Folder(parent)
  const train = await cifar10(folder)
  expect(train).toEqual({
    name: 'cifar10',
    shape: [3, 32, 32],
    count: 10,
    values: patches.values.slice(0, 10 * 3072),
    labels: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    classes: 'airplane automobile bird cat deer dog frog horse ship truck'.split(' '),
    mirror: true,
  })
  expect(await cifar10(parent)).toEqual(train)
  const held = await cifar10(folder, { split: 'test', mirror: false })
  expect(held).toMatchObject({ count: 2, labels: Uint8Array.from([0, 1]), mirror: false })
  expect(held.values).toEqual(patches.values.slice(10 * 3072))
})

test('CIFAR-10: one file', async () => {
  const folder = await cifar10Folder(await temporary())
  const batch = await cifar10(join(folder, 'data_batch_2.bin'))
  expect(batch).toMatchObject({ count: 2, labels: Uint8Array.from([2, 3]) })
})

test('CIFAR-100: fine and coarse labels', async () => {
  const folder = await temporary()
  await writeFile(
    join(folder, 'train.bin'),
    records(0, 3, (item) => [item, 90 + item]),
  )
  const fine = await cifar100(folder)
  expect(fine).toMatchObject({ name: 'cifar100', shape: [3, 32, 32], count: 3, mirror: true })
  expect(fine.labels).toEqual(Uint8Array.from([90, 91, 92]))
  expect(fine.values).toEqual(patches.values.slice(0, 3 * 3072))
  expect((await cifar100(folder, { classes: 'coarse' })).labels).toEqual(Uint8Array.from([0, 1, 2]))
  await expect(cifar100(folder, { split: 'test' })).rejects.toThrow(
    `${join(folder, 'test.bin')}: expected a file`,
  )
})

test('files that are no CIFAR', async () => {
  const folder = await temporary()
  const file = join(folder, 'data_batch_1.bin')
  await writeFile(file, Buffer.alloc(2 * 3073 - 1))
  await expect(cifar10(file)).rejects.toThrow(
    `${file}: expected a multiple of 3073 bytes (one cifar10 record) but received 6145`,
  )
  await writeFile(file, Buffer.alloc(0))
  await expect(cifar10(file)).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await writeFile(
    file,
    records(0, 2, (item) => [item * 10]),
  )
  await expect(cifar10(file)).rejects.toThrow('expected labels from 0 to 9 but received 10 in record 1')
  await expect(cifar10(folder)).rejects.toThrow(`${join(folder, 'data_batch_2.bin')}: expected a file`)
})

test('folders that are no CIFAR', async () => {
  const folder = await temporary()
  await expect(cifar10(folder)).rejects.toThrow(
    'data_batch_5.bin, or one such file but received a folder without them',
  )
  await expect(cifar10(join(folder, 'none'))).rejects.toThrow('but received nothing: there is no such path')
  await writeFile(join(folder, 'data_batch_1'), 'pickled')
  await expect(cifar10(folder)).rejects.toThrow('the version for Python; the binary version is needed')
})

test('arguments are checked', async () => {
  await expect(cifar10(5 as unknown as string)).rejects.toThrow(TypeError)
  await expect(cifar10('x', { split: 'all' as 'test' })).rejects.toThrow(
    'Expected split to be one of train, test but received "all" (string)',
  )
  await expect(cifar100('x', { classes: 1 as unknown as 'fine' })).rejects.toThrow(TypeError)
})
