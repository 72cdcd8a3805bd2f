import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { cifar10, cifar100 } from '../../src/data/cifar.js'
import { unpickledNames } from '../../src/data/cifar-pickle.js'
import { openDataset } from '../../src/data/open.js'
import { cifarArchive, cifarLabel, cifarPixels, pickledBatch, pickledNames } from './cifar-archive.js'
import { tarOf } from './packed/files.js'
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
})

test.each(['binary', 'python'] as const)(
  'CIFAR-10: the published archive of the %s version',
  async (version) => {
    const folder = await temporary()
    const path = join(folder, `cifar-10-${version}.tar.gz`)
    await writeFile(path, cifarArchive(version))
    const data = await openDataset(path)
    expect(data).toMatchObject({ name: 'cifar10', shape: [3, 32, 32], count: 5, mirror: true })
    expect(data.labels).toEqual(Uint8Array.from([1, 2, 3, 4, 5], cifarLabel))
    expect(data.classes?.[3]).toBe('cat')
    expect(data.values).toEqual(new Uint8Array(Buffer.concat([1, 2, 3, 4, 5].map(cifarPixels))))
    expect(await openDataset(`cifar10:${path}`)).toEqual(data)
    const held = await cifar10(path, { split: 'test' })
    expect(held).toMatchObject({ count: 1, labels: Uint8Array.of(cifarLabel(6)) })
    await expect(cifar100(path)).rejects.toThrow(
      `${path}: expected an archive with cifar-100-binary or cifar-100-python but received one without`,
    )
    const plain = join(folder, 'unpacked.tar')
    await writeFile(plain, gunzipSync(cifarArchive(version)))
    expect(await openDataset(plain)).toEqual(data)
  },
)

test('CIFAR-10: folders and files of the version for Python', async () => {
  const folder = join(await temporary(), 'cifar-10-batches-py')
  await mkdir(folder)
  for (const i of [1, 2, 3, 4, 5]) {
    const pixels = [cifarPixels(2 * i), cifarPixels(2 * i + 1)]
    await writeFile(join(folder, `data_batch_${i}`), pickledBatch({ labels: [i, 9 - i] }, pixels))
  }
  const data = await openDataset(folder)
  expect(data).toMatchObject({ count: 10, labels: Uint8Array.of(1, 8, 2, 7, 3, 6, 4, 5, 5, 4) })
  expect(data.values).toEqual(
    new Uint8Array(Buffer.concat([2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(cifarPixels))),
  )
  expect(await cifar10(join(folder, 'data_batch_2'))).toMatchObject({ count: 2, labels: Uint8Array.of(2, 7) })
  await writeFile(
    join(folder, 'data_batch_3'),
    pickledBatch({ labels: [1, 10] }, [cifarPixels(0), cifarPixels(1)]),
  )
  await expect(cifar10(folder)).rejects.toThrow(
    'data_batch_3: expected labels from 0 to 9 but received 10 of image 1',
  )
  await writeFile(
    join(folder, 'data_batch_3'),
    pickledBatch({ labels: [1] }, [cifarPixels(0), cifarPixels(1)]),
  )
  await expect(cifar10(folder)).rejects.toThrow('data_batch_3: expected 2 labels but received others')
  await writeFile(join(folder, 'data_batch_3'), Buffer.from('\x80\x02cos\nsystem\nU\x04echo\x85R.', 'latin1'))
  await expect(cifar10(folder)).rejects.toThrow('os.system, which is no tensor and is not run')
})

test('a batch whose array is in the order of Fortran is refused, with what to do', async () => {
  const file = join(await temporary(), 'data_batch_1')
  await writeFile(file, pickledBatch({ labels: [1, 2] }, [cifarPixels(0), cifarPixels(1)], true))
  await expect(cifar10(file)).rejects.toThrow(
    `${file}: expected data image by image but received data in Fortran's order: save numpy.ascontiguousarray`,
  )
})

test('keys, names and labels that are lists are not written out as text, which may have no end', async () => {
  const folder = await temporary()
  const plain = pickledBatch({ labels: [3] }, [cifarPixels(0)])
  const batch = (more: string): Promise<void> => {
    const parts = [plain.subarray(0, -2), Buffer.from(more, 'latin1'), plain.subarray(-2)]
    return writeFile(join(folder, 'data_batch_1'), Buffer.concat(parts))
  }
  const read = () => cifar10(join(folder, 'data_batch_1'))
  await batch('](U\x06labelseK\x01') // as text the key would be that of the labels
  expect((await read()).labels).toEqual(Uint8Array.of(3))
  await batch('U\x06labels](](K\x01K\x02ee')
  await expect(read()).rejects.toThrow('labels from 0 to 9 but received what is no number of image 0')
  const names = Array.from({ length: 20 }, (_, i) => `coarse ${i}`)
  const meta = pickledNames('coarse_label_names', names)
  const last = Buffer.from('U\tcoarse 19')
  const listed = Buffer.concat([
    meta.subarray(0, meta.indexOf(last)),
    Buffer.from(']('),
    last,
    Buffer.from('eeu.'),
  ])
  const label = { offset: 0, classes: 20, python: 'coarse_labels' }
  expect(unpickledNames('meta', meta, label)).toEqual(names)
  expect(unpickledNames('meta', listed, label)).toEqual(names.slice(0, 19))
})

test('CIFAR-100: names of classes beside the images', async () => {
  const folder = await temporary()
  const fine = Array.from({ length: 100 }, (_, i) => `fine ${i}`)
  const coarse = Array.from({ length: 20 }, (_, i) => `coarse ${i}`)
  await writeFile(
    join(folder, 'train.bin'),
    records(0, 2, () => [1, 2]),
  )
  await writeFile(join(folder, 'fine_label_names.txt'), `${fine.join('\n')}\n\n`)
  await writeFile(join(folder, 'coarse_label_names.txt'), 'too few')
  expect((await cifar100(folder)).classes).toEqual(fine)
  expect((await cifar100(folder, { classes: 'coarse' })).classes).toBeUndefined()
  const python = join(await temporary(), 'cifar-100-python.tar.gz')
  const batch = pickledBatch({ fine_labels: [7], coarse_labels: [3] }, [cifarPixels(1)])
  await writeFile(
    python,
    gzipSync(
      tarOf([
        ['cifar-100-python/train', batch],
        ['cifar-100-python/meta', pickledNames('coarse_label_names', coarse)],
      ]),
    ),
  )
  const data = await openDataset(python, { classes: 'coarse' })
  expect(data).toMatchObject({ name: 'cifar100', count: 1, labels: Uint8Array.of(3), classes: coarse })
})

test('arguments are checked', async () => {
  await expect(cifar10(5 as unknown as string)).rejects.toThrow(TypeError)
  await expect(cifar10('x', { split: 'all' as 'test' })).rejects.toThrow(
    'Expected split to be one of train, test but received "all" (string)',
  )
  await expect(cifar100('x', { classes: 1 as unknown as 'fine' })).rejects.toThrow(TypeError)
})
