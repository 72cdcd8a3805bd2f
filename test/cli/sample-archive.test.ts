import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { NpzArchive } from '../../src/files/npz-archive.js'
import { openZip } from '../../src/files/zip.js'
import { readNpyHead } from '../../src/tensor/npy-header.js'
import { jsonLines, run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const DRAWN = ['--label', '3,8', '--count', '2', '--seed', '9', '--solver', 'euler', '--steps', '4']
const pixelsOf = (png: Buffer | string) => sharp(png).toColourspace('b-w').raw().toBuffer()

/** The files of an archive, by their names. */
async function filesOf(path: string): Promise<Map<string, Buffer>> {
  const zip = await openZip(path)
  const files = new Map<string, Buffer>()
  for await (const entry of zip.eachEntry()) {
    const chunks: Buffer[] = []
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer)
    files.set(entry.fileName, Buffer.concat(chunks))
  }
  zip.close()
  return files
}

async function draw(out: string) {
  const ended = await run(folder, 'sample', 'digits', ...DRAWN, '--out', out, '--json')
  expect(ended).toMatchObject({ code: 0 })
  return jsonLines(ended).at(-1)
}

it('an archive of pictures is the folder of the same samples', async () => {
  expect(await draw('many.zip')).toMatchObject({ archive: 'many.zip', count: 4 })
  await draw('many/')
  const names = ['000009.png', '000010.png', '000011.png', '000012.png']
  const files = await filesOf(join(folder, 'many.zip'))
  expect([...files.keys()]).toEqual([...names, 'dataset.json'])
  expect(
    readdirSync(join(folder, 'many'))
      .filter((name) => name.endsWith('.png'))
      .sort(),
  ).toEqual(names)
  for (const name of names) {
    expect(await pixelsOf(files.get(name)!)).toEqual(await pixelsOf(join(folder, 'many', name)))
  }
  const labels = JSON.parse(readFileSync(join(folder, 'many/dataset.json'), 'utf8'))
  expect(JSON.parse(files.get('dataset.json')!.toString())).toEqual(labels)
  expect(labels.labels.map(([, label]: [string, number]) => label)).toEqual([3, 3, 8, 8])
})

it('an archive of arrays has the pixels and the labels', async () => {
  await draw('many.npz')
  using archive = await NpzArchive.open(join(folder, 'many.npz'))
  expect(archive.names).toEqual(['arr_0', 'arr_1'])
  await using pixels = await archive.array('arr_0')
  expect(await readNpyHead('pixels', pixels)).toMatchObject({ descr: '|u1', shape: [4, 8, 8, 1] })
  const files = await filesOf(join(folder, 'many.zip'))
  const drawn = await Promise.all([...files].slice(0, 4).map(([, png]) => pixelsOf(png)))
  expect(await pixels.take(256)).toEqual(Buffer.concat(drawn))
  await using labels = await archive.array('arr_1')
  expect(await readNpyHead('labels', labels)).toMatchObject({ descr: '<i8', shape: [4] })
  const bytes = await labels.take(32)
  expect([0, 8, 16, 24].map((at) => bytes.readBigInt64LE(at))).toEqual([3n, 3n, 8n, 8n])
})

it('what has no place in an archive is refused before anything is drawn', async () => {
  const columns = await run(folder, 'sample', 'digits', '--columns', '2', '--out', 'few.zip')
  expect(columns.code).toBe(2)
  expect(columns.stderr).toContain(
    'Expected --columns to be given with a picture but received 2 with few.zip',
  )
  const known = await run(folder, 'upscale', 'digits', 'small.png', '--out', 'few.npz')
  expect(known.code).toBe(2)
  expect(known.stderr).toContain('Expected --out to end in .png, .npy')
  for (const name of ['few.zip', 'few.npz']) expect(existsSync(join(folder, name))).toBe(false)
})
