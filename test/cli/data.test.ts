import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { bmpBytes } from '../data/bmp-file.js'
import { run, runShell, sharedFolder, TINY_IMAGES } from './cli.js'

const folder = sharedFolder()
/** The config of the quickest training. */
const QUICK = [...TINY_IMAGES.slice(1), '--steps', '1']

function inFolder(name: string): string {
  mkdirSync(join(folder, name), { recursive: true })
  return join(folder, name)
}

async function writePng(path: string, value: number): Promise<void> {
  const background = { r: value, g: value, b: value }
  await sharp({ create: { width: 8, height: 8, channels: 3, background } })
    .png()
    .toFile(path)
}

const bmp = bmpBytes({ width: 8, height: 8, bits: 24, rows: [Buffer.alloc(192, 90)] })

test('a folder: what is passed over is said, broken files are listed, or skipped', async () => {
  const photos = inFolder('photos/deep')
  await writePng(join(photos, 'a.png'), 10)
  writeFileSync(join(photos, 'b.bmp'), bmp)
  writeFileSync(join(photos, 'c.heic'), '')
  writeFileSync(join(photos, 'd.jfif'), await sharp(join(photos, 'a.png')).jpeg().toBuffer())
  writeFileSync(join(photos, 'e.png'), 'text')
  writeFileSync(join(photos, 'f.jpg'), '')
  const args = ['train', 'folder:photos', '--size', '8', '--channels', '1', '--out', 'runs/photos', ...QUICK]
  const broken = await run(folder, ...args)
  expect(broken.code).toBe(1)
  expect(broken.stderr).toMatch(
    /Expected 5 images but 2 of them are broken: .*e\.png: .*; .*f\.jpg: .*; .*--skip-broken/,
  )
  const skipped = await run(folder, ...args, '--skip-broken')
  expect(skipped.stderr).toContain('warning: photos: passed over 1 other file (1 .heic)')
  expect(skipped.stderr).toMatch(
    /warning: photos: passed over 2 of 5 images, which are broken: .*e\.png.*; .*f\.jpg/,
  )
  expect(skipped.stderr).toContain('Data: photos, 3 grey images of 8 x 8 pixels')
  expect(skipped.code).toBe(0)
})

test('few files are open at a time, and one file is read once', async () => {
  const files = inFolder('files')
  await writePng(join(files, '0.png'), 50)
  for (let i = 1; i < 200; i++) symlinkSync('0.png', join(files, `${i}.png`))
  writeFileSync(join(files, 'one.bmp'), bmp)
  // Node.js itself opens some 130 of the package's own at once.
  const few = 'ulimit -n 160; exec $CLI'
  const encoded = await runShell(
    folder,
    `${few} encode runs/photos files/*.png files/one.bmp --rtol 0.1 --atol 0.1 --out e.npy`,
  )
  expect(encoded.stdout + encoded.stderr).toContain('e.npy: 201 encodings')
  const quick = '--solver euler --steps 2'
  const sampled = await runShell(
    folder,
    `${few} sample runs/photos --from 1 --count 150 ${quick} files/0.png --out s.png`,
  )
  expect(sampled.stdout + sampled.stderr).toContain('s.png: 150 samples')
  expect(sampled.code).toBe(0)
})

test('a published data set is found where it is, and a name that is none is refused', async () => {
  const wrong = await run(folder, 'data', 'fashions')
  expect(wrong).toMatchObject({ code: 2, stdout: '' })
  expect(wrong.stderr).toContain('Expected a data set, mnist or fashion, but received "fashions"')
  const place = inFolder('own/mnist')
  for (const name of ['train', 't10k'].flatMap((part) => [`${part}-images-idx3`, `${part}-labels-idx1`]))
    writeFileSync(join(place, `${name}-ubyte`), '')
  const found = await runShell(folder, `PFGM_DATA=${join(folder, 'own')} $CLI data mnist`)
  expect(found).toMatchObject({ code: 0, stdout: `mnist: MNIST is in ${place}\n` })
})
