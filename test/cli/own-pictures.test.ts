import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const SHORT = ['--steps', '1', '--sample-every', '0', '--evaluation-count', '0']

/** Gradients of other colours. */
async function pictures(name: string, width: number, height: number): Promise<void> {
  mkdirSync(join(folder, name))
  for (let i = 0; i < 12; i++) {
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
      const pixel = Math.floor(at / 3)
      return ((pixel % width) * 3 + Math.floor(pixel / width) * 2 + (at % 3) * 60 + i * 20) % 256
    })
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(join(folder, name, `${i}.png`))
  }
}

async function sizeOf(file: string): Promise<string> {
  const { width, height } = await sharp(join(folder, file)).metadata()
  return `${width} x ${height}`
}

test.each([
  [28, 28],
  [30, 30],
  [100, 60],
  [256, 256],
])('a folder of pictures of %i x %i trains as it is', async (width, height) => {
  await pictures(`${width}`, width, height)
  const trained = await run(folder, 'train', `folder:${width}`, '--out', `runs/${width}`, ...SHORT)
  expect(trained.stderr).toContain(`Data: ${width}, 12 colour images of ${width} x ${height} pixels`)
  expect(trained.stdout).toContain('Trained to step 1')
  expect(trained.code).toBe(0)
})

test('pictures that are wider than high train, are sampled, encoded and decoded', async () => {
  await pictures('wide', 96, 64)
  const trained = await run(folder, 'train', 'folder:wide', '--size', '24x16', '--out', 'runs/wide', ...SHORT)
  expect(trained.stderr).toContain('Data: wide, 12 colour images of 24 x 16 pixels')
  expect(trained.code).toBe(0)
  const quick = ['--solver', 'euler', '--steps', '3']
  expect(await run(folder, 'sample', 'runs/wide', ...quick, '--out', 's/')).toMatchObject({ code: 0 })
  expect(await sizeOf('s/000000.png')).toBe('24 x 16')
  const loose = ['--rtol', '0.1', '--atol', '0.1']
  expect(await run(folder, 'encode', 'runs/wide', 'wide/0.png', ...loose, '--out', 'e.npy')).toMatchObject({
    code: 0,
  })
  expect(await run(folder, 'decode', 'runs/wide', 'e.npy', ...quick, '--out', 'd.png')).toMatchObject({
    code: 0,
  })
})

test('sizes that no network is made for are refused with one that works', async () => {
  await pictures('odd', 99, 45)
  const refused = await run(folder, 'train', 'folder:odd', '--out', 'runs/odd', ...SHORT)
  expect(refused.code).toBe(2)
  const advice = /received 99 x 45: scale or pad them to 100 x 48 \(`(--size 100x48)` does it/.exec(
    refused.stderr,
  )
  expect(advice, refused.stderr).not.toBeNull()
  const trained = await run(
    folder,
    'train',
    'folder:odd',
    ...advice![1]!.split(' '),
    '--out',
    'runs/odd',
    ...SHORT,
  )
  expect(trained.code).toBe(0)
})
