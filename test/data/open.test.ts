import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { datasets, openDataset } from '../../src/data/index.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()
const photograph = fileURLToPath(new URL('photographs/china.jpg', import.meta.url))

/** Two points of two dimensions. */
const IDX = Buffer.from([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4])

async function cifar10Folder(): Promise<string> {
  const folder = await temporary()
  for (let batch = 1; batch <= 5; batch++) {
    await writeFile(join(folder, `data_batch_${batch}.bin`), Buffer.alloc(3073, 1))
  }
  return folder
}

test('names', async () => {
  expect(await openDataset('digits')).toEqual(await datasets.digits())
})

test.each(['two-moons', 'eight-gaussians', 'heart'] as const)('%s', async (kind) => {
  const options = { count: 5, seed: 2 }
  expect(await openDataset(kind, options)).toEqual(await datasets.toy(kind, options))
})

test('an IDX file, by prefix and recognised', async () => {
  const path = join(await temporary(), 'points')
  await writeFile(path, IDX)
  const dataset = await datasets.idx(path)
  expect(await openDataset(`idx:${path}`)).toEqual(dataset)
  expect(await openDataset(path)).toEqual(dataset)
  await writeFile(path, gzipSync(IDX))
  expect(await openDataset(path)).toEqual(dataset)
})

test('CIFAR folders and files, by prefix and recognised', async () => {
  const ten = await cifar10Folder()
  expect(await openDataset(`cifar10:${ten}`)).toMatchObject({ name: 'cifar10', count: 5 })
  expect(await openDataset(ten)).toMatchObject({ name: 'cifar10', count: 5 })
  expect(await openDataset(join(ten, 'data_batch_1.bin'))).toMatchObject({ name: 'cifar10', count: 1 })

  const hundred = await temporary()
  await writeFile(join(hundred, 'train.bin'), Buffer.alloc(3074, 1))
  expect(await openDataset(`cifar100:${hundred}`)).toMatchObject({ name: 'cifar100', count: 1 })
  expect(await openDataset(hundred, { classes: 'coarse' })).toMatchObject({ name: 'cifar100', count: 1 })
  expect(await openDataset(join(hundred, 'train.bin'))).toMatchObject({ name: 'cifar100', count: 1 })
})

test('a folder of images, by prefix and recognised', async () => {
  const path = await temporary()
  await mkdir(join(path, 'one'))
  await copyFile(photograph, join(path, 'one', 'a.jpg'))
  const options = { size: 8, channels: undefined, seed: 1 }
  const dataset = await datasets.folder(path, { size: 8 })
  expect(await openDataset(`folder:${path}`, options)).toEqual(dataset)
  expect(await openDataset(path, options)).toEqual(dataset)
})

test('what could be several formats lists them', async () => {
  const path = await cifar10Folder()
  await writeFile(join(path, 'train.bin'), Buffer.alloc(3074))
  await copyFile(photograph, join(path, 'a.jpg'))
  const failure = openDataset(path)
  await expect(failure).rejects.toThrow(RangeError)
  await expect(failure).rejects.toThrow(`cifar10:${path} or cifar100:${path} or folder:${path}`)
  const both = join(path, 'both.bin')
  await writeFile(both, Buffer.alloc(3073 * 3074))
  await expect(openDataset(both)).rejects.toThrow(`cifar10:${both} or cifar100:${both}`)
})

test('what is no data lists what is possible', async () => {
  const path = await temporary()
  const list =
    'digits, mnist, fashion, two-moons, eight-gaussians, heart, idx:PATH, cifar10:PATH, cifar100:PATH, npy:PATH, npz:PATH, zip:PATH, tar:PATH, parquet:PATH, folder:PATH or a path'
  await writeFile(join(path, 'text'), 'text')
  await writeFile(join(path, 'some.tar.gz'), gzipSync('text'))
  for (const spec of [
    'imagenet',
    'fashion:both',
    'cifar:x',
    path,
    join(path, 'text'),
    join(path, 'some.tar.gz'),
    join(path, 'none'),
  ]) {
    const failure = openDataset(spec)
    await expect(failure).rejects.toThrow(RangeError)
    await expect(failure).rejects.toThrow(list)
    await expect(failure).rejects.toThrow(`received ${JSON.stringify(spec)}`)
  }
  await expect(openDataset('idx:')).rejects.toThrow('Expected idx:PATH but received no path')
  await expect(openDataset('')).rejects.toThrow(TypeError)
  await expect(openDataset('folder:none')).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
})

test('an option without a meaning is refused', async () => {
  await expect(openDataset('digits', { size: 32 })).rejects.toThrow(
    'Expected no option size for digits (it takes none) but received 32',
  )
  await expect(openDataset('idx:x', { count: 3 })).rejects.toThrow('(it takes only labels, mirror)')
})

test('an aborted signal opens nothing', async () => {
  await expect(openDataset('digits', { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  })
})
