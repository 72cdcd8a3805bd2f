import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { images } from '../../src/data/images.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()
const exec = promisify(execFile)

/** A grey PNG of one value. */
function png(value: number): Promise<Buffer> {
  return sharp({ create: { width: 4, height: 4, channels: 3, background: { r: value, g: value, b: value } } })
    .png()
    .toBuffer()
}

test('images come in the order given', async () => {
  const path = await temporary()
  for (const value of [10, 20, 30]) await writeFile(join(path, `${value}.png`), await png(value))
  const files = [30, 10, 30, 20].map((value) => join(path, `${value}.png`))
  const { count, shape, values } = await images(files, { size: 2, channels: 1 })
  expect({ count, shape }).toEqual({ count: 4, shape: [1, 2, 2] })
  expect([...values]).toEqual([30, 10, 30, 20].flatMap((value) => [value, value, value, value]))
})

test('without a size images are as they are, and all of one size', async () => {
  const path = await temporary()
  const [small, large] = [join(path, 'small.png'), join(path, 'large.png')]
  await writeFile(small, await png(7))
  await writeFile(large, await sharp(small).resize(8, 6).png().toBuffer())
  const { shape, values } = await images([large], { channels: 1 })
  expect({ shape, values: [...values] }).toEqual({ shape: [1, 6, 8], values: Array(48).fill(7) })
  await expect(images([small, large])).rejects.toThrow('Expected images of one size but')
})

test('a file that is given many times is read once', async () => {
  // A pipe gives its bytes once; whoever reads it again waits for ever.
  const pipe = join(await temporary(), 'pipe.png')
  await exec('mkfifo', [pipe])
  const [{ values }] = await Promise.all([
    images(Array<string>(600).fill(pipe), { size: 1, channels: 1 }),
    writeFile(pipe, await png(7)),
  ])
  expect([...values]).toEqual(Array(600).fill(7))
})

test.each([
  [
    Buffer.from('abc'),
    TypeError,
    'Expected files to be an array of paths but received an object of type Buffer',
  ],
  ['a.png', TypeError, 'Expected files to be an array of paths but received "a.png" (string)'],
  [undefined, TypeError, 'Expected files to be an array of paths but received undefined'],
  [['a.png', 1], TypeError, 'Expected files[1] to be a non-empty string but received 1'],
  [['a.png', ''], TypeError, 'Expected files[1] to be a non-empty string'],
  [[], RangeError, 'Expected files to be an array of paths, at least one, but received []'],
])('files %j are refused', async (files, type, message) => {
  const failure = images(files as string[], { size: 8 })
  await expect(failure).rejects.toThrow(type)
  await expect(failure).rejects.toThrow(message)
})

test('missing and broken files are listed', async () => {
  const path = await temporary()
  await writeFile(join(path, 'a.png'), await png(1))
  await writeFile(join(path, 'b.png'), 'text')
  const files = ['a.png', 'b.png', 'c.png'].map((name) => join(path, name))
  const failure = images(files, { size: 4 })
  await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(
    /^Expected 3 images but 2 of them are broken: [^\n]*b\.png: [^\n]*; [^\n]*c\.png: [^\n]*$/,
  )
  await expect(images([files[2]!], { size: 4 })).rejects.toThrow(
    /^[^\n]*c\.png: expected a file but received nothing/,
  )
})
