import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { datasets, openDataset } from '../../../src/data/index.js'
import { temporaryFolders } from '../temporary.js'
import { cacheOfTests, type Entries, folderOf, pictures, pixelsOf, tarOf } from './files.js'

cacheOfTests()
const temporary = temporaryFolders()
const pngs = await pictures(6)
const expected = await datasets.folder(
  await folderOf(
    await temporary(),
    pngs.map((png, i) => [`${i}.png`, png]),
  ),
)
const text = (value: unknown): Buffer => Buffer.from(String(value))

/** As WebDataset has them: an image, its class, and what else there is. */
const sample = (i: number): Entries => [
  [`${String(i).padStart(6, '0')}.png`, pngs[i]!],
  [`${String(i).padStart(6, '0')}.cls`, text(i % 3)],
]

test.each(['.tar', '.tar.gz', '.tgz'])('samples of %s, by prefix and recognised', async (ending) => {
  const path = join(await temporary(), `train-000000${ending}`)
  const bytes = tarOf([0, 1, 2, 3, 4, 5].flatMap(sample))
  await writeFile(path, ending === '.tar' ? bytes : gzipSync(bytes))
  const data = await openDataset(path)
  expect(data).toMatchObject({ name: 'train-000000', shape: [3, 8, 8], count: 6 })
  expect(data.labels).toEqual(Uint8Array.of(0, 1, 2, 0, 1, 2))
  expect(await pixelsOf(data)).toEqual(expected.values)
  expect(data.notes).toBeUndefined()
  expect(await openDataset(`tar:${path}`)).toEqual(data)
  expect(await datasets.tar(path)).toEqual(data)
})

test('shards of a folder, of a pattern in braces and with a star', async () => {
  const folder = await temporary()
  for (const shard of [0, 1, 2]) {
    await writeFile(join(folder, `train-00${shard}.tar`), tarOf([2 * shard, 2 * shard + 1].flatMap(sample)))
  }
  await writeFile(join(folder, 'val-000.tar'), tarOf(sample(0)))
  const all = await datasets.tar(folder)
  expect(all.count).toBe(6)
  expect(all.notes).toEqual([
    expect.stringMatching(/: of the folder's files those of train were read, not val$/),
  ])
  expect(await pixelsOf(all)).toEqual(expected.values)
  expect(await openDataset(folder)).toEqual(all)
  const braces = await datasets.tar(join(folder, 'train-{000..002}.tar'))
  expect(braces).toMatchObject({ name: 'train', count: 6, labels: all.labels })
  expect(
    await datasets.tar(join(folder, '{train,val}-00{1,0}.tar')).catch((error) => error.message),
  ).toContain('val-001.tar')
  expect((await datasets.tar(join(folder, 'train-*2.tar'))).count).toBe(2)
  expect((await datasets.tar(join(folder, '{val-000,train-002}.tar'))).labels).toEqual(Uint8Array.of(0, 1, 2))
  await expect(datasets.tar(join(folder, 'none-*.tar'))).rejects.toThrow(
    'expected files that the pattern stands for',
  )
  await expect(datasets.tar(join(folder, 'train-{0..999999999}.tar'))).rejects.toThrow('at most 100000 files')
})

test('a class in .cls goes before one in .json, whichever comes first; an empty one is none', async () => {
  const path = join(await temporary(), 'two.tar')
  await writeFile(
    path,
    tarOf([
      ['0.cls', text(3)],
      ['0.png', pngs[0]!],
      ['0.json', text('{"label": 7}')],
      ['1.json', text('{"label": 7}')],
      ['1.png', pngs[1]!],
      ['1.cls', text(2)],
      ['2.cls', text('')],
      ['2.png', pngs[2]!],
      ['2.json', text('{"label": 1}')],
    ]),
  )
  expect((await datasets.tar(path)).labels).toEqual(Uint8Array.of(3, 2, 1))
})

test('labels of JSON, before and after the image; several images of a sample; hidden files', async () => {
  const path = join(await temporary(), 'mixed.tar')
  await writeFile(
    path,
    tarOf([
      ['./a/000.json', text('{"label": "dog", "x": 1}')],
      ['./a/000.seg.png', pngs[0]!],
      ['./a/000.png', pngs[1]!],
      ['./a/000.txt', text('a caption')],
      ['./a/._001.png', text('x')],
      ['./a/001.png', pngs[2]!],
      ['./a/001.json', text('{"cls": "cat"}')],
    ]),
  )
  const data = await datasets.tar(path)
  expect(data).toMatchObject({ count: 2, labels: Uint8Array.of(1, 0), classes: ['cat', 'dog'] })
  expect(data.notes).toEqual(['mixed: passed over 2 other files (1 .png, 1 .txt)'])
})

test('a class of -1 is none, and the others keep their numbers', async () => {
  const labelled = async (...classes: number[]) => {
    const path = join(await temporary(), 'held.tar')
    await writeFile(
      path,
      tarOf(
        classes.flatMap((label, i) => [[`${i}.png`, pngs[i]!] as const, [`${i}.cls`, text(label)] as const]),
      ),
    )
    return datasets.tar(path)
  }
  const some = await labelled(2, 10, -1, 0)
  expect([some.labels, some.classes]).toEqual([undefined, undefined])
  expect(some.notes).toEqual(['held: 1 of 4 images have no label, so none were kept'])
  expect((await labelled(-1, -1)).notes).toBeUndefined()
  expect((await labelled(2, 10, 0)).labels).toEqual(Uint8Array.of(2, 10, 0))
})

test.each(['ustar', 'pax', 'gnu', 'v7'])(
  'what tar writes in the format %s, folders for classes',
  async (format) => {
    const folder = await temporary()
    const deep = format === 'v7' ? '' : `${'a long name '.repeat(6)}/${'another one '.repeat(6)}/`
    for (const [i, name] of ['cats', 'dogs'].entries()) {
      await mkdir(join(folder, 'in', name, deep), { recursive: true })
      await writeFile(join(folder, 'in', name, deep, `ä ${i}.png`), pngs[i]!)
    }
    const path = join(folder, 'made.tar')
    execFileSync('tar', ['-C', join(folder, 'in'), `--format=${format}`, '-cf', path, 'cats', 'dogs'])
    const data = await datasets.tar(path)
    expect(data).toMatchObject({ count: 2, labels: Uint8Array.of(0, 1), classes: ['cats', 'dogs'] })
    expect(await pixelsOf(data)).toEqual(expected.values.slice(0, 2 * 192))
  },
)

test("what Python's tarfile writes", async () => {
  const data = await openDataset(fileURLToPath(new URL('made/webdataset.tar', import.meta.url)))
  expect(data).toMatchObject({ shape: [3, 8, 8], count: 3, labels: Uint8Array.of(2, 0, 1) })
})

test('labels that are wrong', async () => {
  const path = join(await temporary(), 'wrong.tar')
  await writeFile(
    path,
    tarOf([
      ['0.png', pngs[0]!],
      ['0.json', text('{')],
    ]),
  )
  await expect(datasets.tar(path)).rejects.toThrow(
    /wrong\.tar \(0\.json, byte 1024\): expected JSON but received/,
  )
})
