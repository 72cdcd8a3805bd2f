import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import type { OnReading } from '../../../src/data/decode-all.js'
import { datasets, openDataset } from '../../../src/data/index.js'
import { temporaryFolders } from '../temporary.js'
import { cacheOfTests, type Entries, folderOf, pictures, pixelsOf, zipOf } from './files.js'

cacheOfTests()
const temporary = temporaryFolders()
const pngs = await pictures(6)

async function zipFile(entries: Entries, name = 'data.zip', compress = false): Promise<string> {
  const path = join(await temporary(), name)
  await writeFile(path, await zipOf(entries, compress))
  return path
}

/** Node.js's own, which collects all that nothing refers to. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const named = (i: number): string => `0000${i % 2}/img0000000${i}.png`

test.each([false, true])(
  'as EDM writes it: labels of dataset.json, images by name, compressed: %s',
  async (compress) => {
    const entries: Entries = [
      ...[4, 0, 2, 5, 1, 3].map((i) => [named(i), pngs[i]!] as const),
      ['dataset.json', json({ labels: [0, 1, 2, 3, 4, 5].map((i) => [named(i), i * 2]) })],
    ]
    const path = await zipFile(entries, 'cifar-32x32.zip', compress)
    const data = await openDataset(path)
    const folder = await datasets.folder(await folderOf(await temporary(), entries.slice(0, 6)))
    expect(data).toMatchObject({ name: 'cifar-32x32', shape: [3, 8, 8], count: 6, mirror: true })
    expect(await pixelsOf(data)).toEqual(folder.values)
    expect(data.labels).toEqual(Uint8Array.of(0, 4, 8, 2, 6, 10))
    expect(data.classes).toBeUndefined()
    expect(await openDataset(`zip:${path}`)).toEqual(data)
    expect(await datasets.zip(path)).toEqual(data)
  },
)

test("what Python's zipfile writes", async () => {
  const data = await openDataset(fileURLToPath(new URL('made/edm.zip', import.meta.url)))
  expect(data).toMatchObject({ shape: [3, 8, 8], count: 3, labels: Uint8Array.of(2, 0, 1) })
})

test('without labels, with folders for classes, with a folder around all', async () => {
  const some: Entries = [0, 1, 2].map((i) => [named(i), pngs[i]!])
  const none = await datasets.zip(await zipFile([...some, ['dataset.json', json({ labels: null })]]))
  expect(none.labels).toBeUndefined()
  const classes = await datasets.zip(
    await zipFile([
      ['data/dogs/1.png', pngs[1]!],
      ['data/cats/2.png', pngs[2]!],
      ['data/cats/more/0.png', pngs[0]!],
      ['data/notes.txt', Buffer.from('notes')],
      ['__MACOSX/data/cats/._2.png', Buffer.from('x')],
    ]),
  )
  expect(classes).toMatchObject({ labels: Uint8Array.of(0, 0, 1), classes: ['cats', 'dogs'] })
  expect(classes.notes).toEqual(['data: passed over 1 other file (1 .txt)'])
  const flat = await datasets.zip(await zipFile([['all/a.png', pngs[0]!]]))
  expect(flat.labels).toBeUndefined()
})

test('a folder of samples that was zipped itself: labels are in the folder that all is in', async () => {
  const labels = json({ labels: [0, 1, 2].map((i) => [named(i), 2 * i]) })
  const inFolder = (...more: Entries) => [
    ...[0, 1, 2].map((i) => [`many/${named(i)}`, pngs[i]!] as const),
    ...more,
    ['many/samples.json', json({})] as const,
  ]
  const data = await datasets.zip(await zipFile(inFolder(['many/dataset.json', labels])))
  expect(data).toMatchObject({ count: 3, labels: Uint8Array.of(0, 4, 2) }) // by the images' names
  expect(data.classes).toBeUndefined()
  expect(data.notes).toEqual(['data: passed over 1 other file (1 .json)'])
  // One beside some of the images is not that of all.
  const some = await datasets.zip(await zipFile(inFolder(['many/00000/dataset.json', labels])))
  expect(some.labels).toEqual(Uint8Array.of(0, 0, 1)) // the folders' names, which are numbers
  expect(some.notes).toEqual(['data: passed over 2 other files (2 .json)'])
})

test('labels that cannot be kept are told of', async () => {
  const some: Entries = [0, 1, 2].map((i) => [named(i), pngs[i]!])
  const many = await datasets.zip(
    await zipFile(
      [...some, ['dataset.json', json({ labels: [0, 1, 2].map((i) => [named(i), 500 * i]) })]],
      'many.zip',
    ),
  )
  expect(many.labels).toBeUndefined()
  expect(many.notes).toEqual(['many: labels of 1001 classes were not kept: a data set has at most 256'])
  const few = await datasets.zip(
    await zipFile([...some, ['dataset.json', json({ labels: [[named(0), 1]] })]], 'few.zip'),
  )
  expect(few.notes).toEqual(['few: 2 of 3 images have no label, so none were kept'])
})

test.each([
  [json({ labels: [['other.png', 1]] }), 'none of an image of the archive, the first of "other.png"'],
  [json({ labels: [[named(0), [0.5, 1]]] }), 'something else at place 0 of them'],
  [json({ labels: 7 }), 'labels that are no list'],
  [Buffer.from('{"labels": ['), 'what cannot be read'],
])('labels that are wrong', async (labels, received) => {
  const path = await zipFile([
    [named(0), pngs[0]!],
    ['dataset.json', labels],
  ])
  const failure = datasets.zip(path)
  await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(
    `data.zip (dataset.json, byte ${30 + named(0).length + pngs[0]!.length}): expected labels as [["image.png", 3], …] or null but received ${received}`,
  )
})

test('broken images are listed with their places, or passed over with their labels', async () => {
  const path = await zipFile([
    ['a.png', pngs[0]!],
    ['b.png', Buffer.from('no picture')],
    ['c.png', pngs[1]!],
    ['dataset.json', json({ labels: ['a', 'b', 'c'].map((name, i) => [`${name}.png`, i]) })],
  ])
  const at = 30 + 5 + pngs[0]!.length
  for (let time = 0; time < 2; time++) {
    const failure = datasets.zip(path)
    await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
    await expect(failure).rejects.toThrow(
      `Expected 3 images but 1 of them are broken: ${path} (b.png, byte ${at}): expected an image but received 10 bytes that do not decode`,
    )
    await expect(failure).rejects.toThrow('--skip-broken')
  }
  const data = await datasets.zip(path, { skipBroken: true })
  expect(data).toMatchObject({ count: 2, labels: Uint8Array.of(0, 2) })
  expect(data.notes?.[0]).toMatch(/^data: passed over 1 of 3 images, which are broken: /)
})

test('sizes that differ, a size, grey', async () => {
  const [large] = await pictures(1, 16)
  const path = await zipFile([
    ['a.png', pngs[0]!],
    ['b.png', large!],
  ])
  await expect(datasets.zip(path)).rejects.toThrow(
    /^Expected images of one size but .*data\.zip \(a\.png, byte 0\) is 8 x 8 and .* is 16 x 16; give a size/,
  )
  const options = { size: [4, 6], channels: 1 } as const
  const data = await openDataset(path, options)
  expect(data.shape).toEqual([1, 4, 6])
  const folder = await folderOf(await temporary(), [
    ['a.png', pngs[0]!],
    ['b.png', large!],
  ])
  expect(await pixelsOf(data)).toEqual((await datasets.folder(folder, options)).values)
})

test('pixels of images that have another size than the first are not kept', async () => {
  const collect = collector()
  const side = 512
  const blank = await sharp({ create: { width: side, height: side, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const others: Entries = Array.from({ length: 100 }, (_, i) => [`b${i}.png`, blank])
  const path = await zipFile([['a.png', pngs[0]!], ...others])
  let held = 0
  const onProgress: OnReading = (done, count, of) => {
    if (of !== 'images') return
    if (done === count - 10) collect() // native memory is given back some turns later
    held = process.memoryUsage().external
  }
  const before = process.memoryUsage().external
  await expect(datasets.zip(path, { channels: 1, onProgress })).rejects.toThrow(
    /a\.png.* is 8 x 8 and .*b0\.png.* is 512 x 512/,
  )
  expect(held - before).toBeLessThan(40 * side ** 2)
})

test('what is no such archive', async () => {
  await expect(datasets.zip(await zipFile([['a.txt', Buffer.from('a')]]))).rejects.toThrow(
    'expected images in a zip archive but received none, only what was passed over 1 other file (1 .txt)',
  )
  const path = join(await temporary(), 'text.zip')
  await writeFile(path, 'text')
  await expect(datasets.zip(path)).rejects.toThrow(
    'text.zip: expected a whole zip archive but received something else',
  )
  await expect(datasets.zip(`${path}.none`)).rejects.toThrow('expected a file but received nothing')
  await expect(datasets.zip(5 as unknown as string)).rejects.toThrow(TypeError)
})
