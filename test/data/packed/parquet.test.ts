import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { datasets, openDataset } from '../../../src/data/index.js'
import { temporaryFolders } from '../temporary.js'
import { cacheOfTests, folderOf, parquetOf, pictures, pixelsOf } from './files.js'

cacheOfTests()
const temporary = temporaryFolders()
const pngs = await pictures(10)
const labels = [2, 0, 1, 1, 2, 0, 0, 1, 2, 0]
const names = ['cat', 'dog', 'bird']
const expected = await datasets.folder(
  await folderOf(
    await temporary(),
    pngs.map((png, i) => [`${i}.png`, png]),
  ),
)

async function file(bytes: Buffer, name = 'train-00000-of-00001.parquet'): Promise<string> {
  const path = join(await temporary(), name)
  await writeFile(path, bytes)
  return path
}

test.each(['SNAPPY', 'UNCOMPRESSED'] as const)('images, labels and names of classes, %s', async (codec) => {
  const path = await file(parquetOf(pngs, labels, { names, codec, rows: 4, pageSize: 300 }))
  const data = await openDataset(path)
  expect(data).toMatchObject({ name: 'train-00000-of-00001', shape: [3, 8, 8], count: 10, classes: names })
  expect(data.labels).toEqual(Uint8Array.from(labels))
  expect(await pixelsOf(data)).toEqual(expected.values)
  expect(await openDataset(`parquet:${path}`)).toEqual(data)
  expect(await datasets.parquet(path)).toEqual(data)
})

test.each(['snappy', 'gzip', 'brotli', 'none', 'dictionary', 'v2'])(
  'what pyarrow writes: %s',
  async (kind) => {
    const path = fileURLToPath(new URL(`made/${kind}.parquet`, import.meta.url))
    const data = await datasets.parquet(path)
    expect(data).toMatchObject({ count: 5, labels: Uint8Array.of(1, 0, 2, 1, 0), classes: names })
    const first = kind === 'dictionary' ? [0, 1, 0, 1, 0] : [0, 1, 2, 3, 4]
    const length = 192
    expect(await pixelsOf(data)).toEqual(
      Uint8Array.from(first.flatMap((i) => [...expected.values.slice(i * length, (i + 1) * length)])),
    )
  },
)

test('shards of a folder, of which those to train on are taken', async () => {
  const folder = await temporary()
  await writeFile(
    join(folder, 'train-00000-of-00002.parquet'),
    parquetOf(pngs.slice(0, 4), labels.slice(0, 4)),
  )
  await writeFile(join(folder, 'train-00001-of-00002.parquet'), parquetOf(pngs.slice(4), labels.slice(4)))
  await writeFile(join(folder, 'test-00000-of-00001.parquet'), parquetOf(pngs.slice(0, 1), [0]))
  const data = await openDataset(folder)
  expect(await pixelsOf(data)).toEqual(expected.values)
  expect(data.labels).toEqual(Uint8Array.from(labels))
  expect(data.notes).toEqual([expect.stringMatching(/those of train were read, not test$/)])
  expect((await datasets.parquet(join(folder, 'test-*.parquet'))).count).toBe(1)
})

test('shards that tell their classes differently are refused, with the names of both', async () => {
  const folder = await temporary()
  const [first, second] = [0, 1].map((i) => join(folder, `train-0000${i}-of-00002.parquet`)) as [
    string,
    string,
  ]
  await writeFile(first, parquetOf(pngs.slice(0, 4), labels.slice(0, 4), { names }))
  const shards = async (bytes: Buffer) => {
    await writeFile(second, bytes)
    return datasets.parquet(folder)
  }
  const rest = [pngs.slice(4), labels.slice(4)] as const
  const refused = await shards(parquetOf(...rest, { names: ['cat', 'bird', 'dog'] })).catch((error) => error)
  expect(refused).toMatchObject({ code: 'ERR_PFGM_DATA' })
  expect(refused.message).toBe(
    `${second}: expected class 1 to be "dog", as in ${first}, but received class 1 to be "bird": write all files with the same classes, or read them apart`,
  )
  await expect(shards(parquetOf(...rest, { names: [...names, 'fish'] }))).rejects.toThrow(
    `expected 3 classes, as in ${first}, but received 4 classes`,
  )
  expect((await shards(parquetOf(...rest, { names }))).classes).toEqual(names)
  // Numbers without names do not say otherwise.
  expect((await shards(parquetOf(...rest))).classes).toEqual(names)
})

test('without labels; with some missing; images that are missing', async () => {
  expect((await datasets.parquet(await file(parquetOf(pngs)))).labels).toBeUndefined()
  const some = await datasets.parquet(await file(parquetOf(pngs.slice(0, 2), [1, null])))
  expect(some.notes).toEqual([expect.stringContaining('1 of 2 images have no label, so none were kept')])
  expect((await datasets.parquet(await file(parquetOf(pngs.slice(0, 2), [-1, -1])))).labels).toBeUndefined()
  const path = await file(parquetOf([pngs[0]!, null, pngs[1]!], [0, 1, 2]))
  await expect(datasets.parquet(path)).rejects.toThrow(
    /\.parquet \(image\.bytes of row 1, byte \d+\): expected the bytes of an image but received none: datasets that only name/,
  )
  const rest = await datasets.parquet(path, { skipBroken: true })
  expect(rest).toMatchObject({ count: 2, labels: Uint8Array.of(0, 2) })
})

test('what is no such file', async () => {
  await expect(datasets.parquet(await file(Buffer.from('text, and more of it')))).rejects.toThrow(
    'expected a whole Parquet file, which begins and ends with PAR1, but received something else',
  )
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  const numbers = Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'age', data: [1, 2] }] }))
  await expect(datasets.parquet(await file(numbers))).rejects.toThrow(
    'expected a column image of bytes, or of structures with bytes but received columns age',
  )
})
