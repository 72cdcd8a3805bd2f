import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, expect, test } from 'vitest'
import { run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const COUNT = 22

/** Coloured photographs of many sizes, none of them the model's, and a file that is none. */
beforeAll(async () => {
  mkdirSync(join(folder, 'photos'))
  for (let i = 0; i < COUNT; i++) {
    const [width, height] = [20 + i, 30]
    const pixels = Uint8Array.from(
      { length: 3 * width * height },
      (_, at) => 128 + 100 * Math.sin(at * (i + 1)),
    )
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(photo(i))
  }
  writeFileSync(join(folder, 'photos', 'broken.png'), 'no picture')
})
const photo = (i: number) => join(folder, 'photos', `${String(i).padStart(2, '0')}.png`)

test('a folder of pictures of other sizes is encoded as its files are', async () => {
  const args = ['--rtol', '.01', '--atol', '.01']
  const reading = ['--count', '2', '--skip-broken']
  const whole = await run(folder, 'encode', 'digits', 'photos', '--out', 'folder.npy', ...reading, ...args)
  expect(whole, whole.stderr).toMatchObject({ code: 0 })
  expect(whole.stderr).toContain('broken.png')
  const single = await run(folder, 'encode', 'digits', photo(0), photo(1), '--out', 'files.npy', ...args)
  expect(single, single.stderr).toMatchObject({ code: 0 })
  expect(readFileSync(join(folder, 'folder.npy'))).toEqual(readFileSync(join(folder, 'files.npy')))
})

test('samples are scored against such a folder', async () => {
  const args = ['--against', 'photos', '--count', '30', '--solver', 'euler', '--steps', '3']
  const scored = await run(
    folder,
    'eval',
    'digits',
    ...args,
    '--training',
    'digits',
    '--skip-broken',
    '--json',
  )
  expect(scored, scored.stderr).toMatchObject({ code: 0 })
  const { samples, items, energyDistance } = JSON.parse(scored.stdout)
  expect({ samples, items }).toEqual({ samples: 30, items: COUNT })
  expect(energyDistance.value).toBeGreaterThan(0)
  expect((await run(folder, 'eval', 'digits', ...args)).stderr).toMatch(/broken\.png.*--skip-broken/s)
})

test.each([
  ['eval digits --against digits --skip-broken', '--skip-broken has a meaning for but received digits'],
  ['encode digits photos/00.png --array x', '--array has a meaning for but received none'],
  ['solvers digits --array x', '--array has a meaning for but received none'],
  ['likelihood digits two-moons', "Expected images of [1, 8, 8] as the model's but received [2]"],
])('pfgm-torch %s is refused', async (line, says) => {
  const { code, stderr } = await run(folder, ...line.split(' '))
  expect(code).toBe(2)
  expect(stderr).toContain(says)
})
