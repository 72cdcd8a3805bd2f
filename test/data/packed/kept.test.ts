import { appendFile, copyFile, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { datasets } from '../../../src/data/index.js'
import { temporaryFolders } from '../temporary.js'
import { cacheOfTests, folderOf, pictures, pixelsOf, tarOf } from './files.js'

const cache = cacheOfTests()
/** What was in the cache whenever something was brought to the disk, as it may be when the process is killed. */
const namesAtSync = new Set<string>()
vi.mock('../../../src/files/sync.js', async (original) => {
  const { sync } = await original<typeof import('../../../src/files/sync.js')>()
  return {
    sync: async (file: Parameters<typeof sync>[0]) => {
      for (const name of await readdir(cache)) namesAtSync.add(name)
      await sync(file)
    },
  }
})
const temporary = temporaryFolders()
const COUNT = 300
const pngs = await pictures(COUNT)
const entries = pngs.map((png, i) => [`${String(i).padStart(4, '0')}.png`, png] as const)
const expected = await datasets.folder(await folderOf(await temporary(), entries))

/** Archives that differ in what is in them, so that each test has its own. */
async function archive(name: string, last: string): Promise<string> {
  const path = join(await temporary(), name)
  await writeFile(path, tarOf([...entries, [last, Buffer.from(last)]]))
  return path
}

/** How many images are decoded, and what comes of it. */
async function opened(path: string, options = {}) {
  const seen: number[] = []
  const data = await datasets.tar(path, {
    ...options,
    onProgress: (done, total, of) => {
      if (of !== 'images') return
      expect(total).toBe(COUNT)
      seen.push(done)
    },
  })
  return { data, seen }
}

test('the same content is decoded once, wherever it lies; other sizes and channels are other pixels', async () => {
  const path = await archive('once.tar', 'once.txt')
  const first = await opened(path)
  expect(first.seen).toHaveLength(COUNT)
  expect(await pixelsOf(first.data)).toEqual(expected.values)
  const moved = join(await temporary(), 'moved.tar')
  await copyFile(path, moved)
  const again = await opened(moved)
  expect(again.seen).toEqual([])
  expect(again.data).toEqual({
    ...first.data,
    name: 'moved',
    notes: ['moved: passed over 1 other file (1 .txt)'],
  })
  const grey = await opened(path, { channels: 1, size: 4 })
  expect(grey.seen).toHaveLength(COUNT)
  expect(grey.data.values).toMatchObject({ length: COUNT * 16 })
  const { values } = first.data
  await appendFile(values.path, 'more') // of another length, it is not what was written
  expect((await opened(path)).seen).toHaveLength(COUNT)
  expect(await pixelsOf(first.data)).toEqual(expected.values)
})

test('what was interrupted goes on, even where more was written than noted', async () => {
  const path = await archive('stopped.tar', 'stopped.txt')
  const controller = new AbortController()
  const stopped = datasets.tar(path, {
    signal: controller.signal,
    onProgress: (done, _, of) => {
      if (of === 'images' && done === 280) controller.abort()
    },
  })
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  const partial = (await readdir(cache)).find((name) => name.endsWith('.partial'))
  expect(partial).toBeDefined()
  await appendFile(join(cache, partial!), 'half a picture')
  const rest = await opened(path)
  expect(rest.seen[0]).toBe(258) // the first image, a batch of 256
  expect(rest.seen).toHaveLength(COUNT - 257)
  expect(await pixelsOf(rest.data)).toEqual(expected.values)
  expect((await readdir(cache)).filter((name) => /partial|lock/.test(name))).toEqual([])
})

test('two that want the same data decode it once', async () => {
  const path = await archive('both.tar', 'both.txt')
  const both = await Promise.all([opened(path), opened(path)])
  expect(both.map(({ seen }) => seen.length).sort()).toEqual([0, COUNT])
  expect(both[0].data).toEqual(both[1].data)
  expect(await pixelsOf(both[0].data)).toEqual(expected.values)
})

test('finished pixels have no name but their own, and leftovers of others are removed', async () => {
  const [old, young] = ['.tmp-a.pixels-1-abcd', '.tmp-b.pixels-2-abcd'].map((name) => join(cache, name)) as [
    string,
    string,
  ]
  await mkdir(cache, { recursive: true })
  await Promise.all([old, young].map((path) => writeFile(path, 'pixels')))
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600
  await utimes(old, twoDaysAgo, twoDaysAgo)
  namesAtSync.clear()
  await opened(await archive('published.tar', 'published.txt'))
  expect(await readdir(cache)).toContain(basename(young))
  expect(await readdir(cache)).not.toContain(basename(old))
  await rm(young)
  const names = [...namesAtSync].filter((name) => name !== basename(young))
  expect(names.filter((name) => /pixels-/.test(name))).toEqual([])
  expect(names.some((name) => name.endsWith('.partial'))).toBe(true)
})

test('of data that is damaged nothing stays', async () => {
  const before = await readdir(cache)
  const path = await archive('damaged.tar', 'damaged.txt')
  await writeFile(path, (await readFile(path)).subarray(0, 200_000))
  await expect(datasets.tar(path)).rejects.toThrow(/damaged\.tar: expected a whole tar archive/)
  const broken = join(await temporary(), 'broken.tar')
  await writeFile(broken, tarOf([['a.png', Buffer.from('none')]]))
  await expect(datasets.tar(broken)).rejects.toThrow('bytes that do not decode')
  expect(await readdir(cache)).toEqual(before)
})

test('an aborted signal opens nothing', async () => {
  const path = await archive('aborted.tar', 'aborted.txt')
  await expect(datasets.tar(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  })
})
