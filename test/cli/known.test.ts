import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { datasets } from '../../src/index.js'
import { jsonLines, run, sharedFolder } from './cli.js'

const folder = sharedFolder()
const QUICK = ['--solver', 'unipc', '--steps', '6']
let digit: Uint8Array

const path = (name: string) => join(folder, name)
const pixelsOf = (name: string) =>
  sharp(path(name)).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })

async function put(name: string, pixels: ArrayLike<number>, width: number): Promise<void> {
  const raw = { width, height: pixels.length / width, channels: 1 } as const
  writeFileSync(
    path(name),
    await sharp(Uint8Array.from(pixels), { raw }).toColourspace('b-w').png().toBuffer(),
  )
}

beforeAll(async () => {
  const { values } = await datasets.digits()
  digit = (values as Uint8Array).slice(3 * 64, 4 * 64)
  await put('digit.png', digit, 8)
  await put('mask.png', new Uint8Array(64).fill(255, 32), 8)
  const means = Array.from({ length: 16 }, (_, i) => {
    const corner = Math.floor(i / 4) * 16 + (i % 4) * 2
    return Math.round([0, 1, 8, 9].reduce((sum, step) => sum + digit[corner + step]!, 0) / 4)
  })
  await put('small.png', means, 4)
  await put('odd.png', new Uint8Array(15), 5)
})

describe('fill', () => {
  it('fills in what is white in the mask, and keeps the rest to the pixel', async () => {
    const { code, stdout, stderr } = await run(
      folder,
      'fill',
      'digits',
      'digit.png',
      '--mask',
      'mask.png',
      ...QUICK,
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^filled\.png: 1 image of digit\.png\n6 evaluations of the network an image, /)
    const { data, info } = await pixelsOf('filled.png')
    expect(info).toMatchObject({ width: 8, height: 8, channels: 1 })
    expect([...data.subarray(0, 32)]).toEqual([...digit.subarray(0, 32)])
    expect([...data.subarray(32)]).not.toEqual([...digit.subarray(32)])
  })
})

describe('upscale', () => {
  it('makes a picture whose blocks have the small one’s pixels as their means', async () => {
    const ended = await run(folder, 'upscale', 'digits', 'small.png', '--factor', '2', ...QUICK, '--json')
    expect(ended).toMatchObject({ code: 0 })
    expect(jsonLines(ended)).toMatchObject([{ type: 'end', picture: 'upscaled.png', count: 1 }])
    const [{ data, info }, { data: small }] = [await pixelsOf('upscaled.png'), await pixelsOf('small.png')]
    expect(info).toMatchObject({ width: 8, height: 8, channels: 1 })
    for (const [i, pixel] of small.entries()) {
      const corner = Math.floor(i / 4) * 16 + (i % 4) * 2
      const mean = [0, 1, 8, 9].reduce((sum, step) => sum + data[corner + step]!, 0) / 4
      expect(Math.abs(mean - pixel)).toBeLessThanOrEqual(0.5)
    }
  })
})

it.each([
  ['fill digits digit.png', 2, /--mask to name an image/],
  ['fill digits digit.png --mask none.png', 1, /none\.png: expected a file but received nothing/],
  ['fill digits digit.png --mask small.png', 2, /small\.png to be of 8 x 8 pixels, the size of .* 4 x 4/],
  [
    'upscale digits odd.png',
    2,
    /odd\.png to be of 4 x 4 or 2 x 2 or 1 x 1 pixels, the model's 8 x 8 .* 5 x 3/,
  ],
  ['upscale digits small.png --factor 3', 2, /--factor to be .* divides 8 x 8, .* received 3/],
] as const)('refuses %s', async (line, exitCode, message) => {
  const { code, stdout, stderr } = await run(folder, ...line.split(' '), '--out', 'never.png')
  expect({ code, stdout }, stderr).toEqual({ code: exitCode, stdout: '' })
  expect(stderr).toMatch(/^error: .*\n$/)
  expect(stderr).toMatch(message)
  expect(existsSync(path('never.png'))).toBe(false)
})
