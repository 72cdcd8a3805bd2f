import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp, { type Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { folder } from '../../src/data/folder.js'
import { photographPatches } from './photographs.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()
const photograph = fileURLToPath(new URL('photographs/china.jpg', import.meta.url))
const patches = await photographPatches(9, 16)
const LENGTH = 3 * 16 * 16

/** Patch `item` as sharp wants it: the planes joined to colours. */
async function patchImage(item: number): Promise<Sharp> {
  const plane = (channel: number): Buffer => {
    const start = item * LENGTH + channel * 256
    return Buffer.from(patches.values.subarray(start, start + 256) as Uint8Array)
  }
  const raw = { width: 16, height: 16, channels: 1 } as const
  const joined = sharp(plane(0), { raw }).joinChannel([plane(1), plane(2)], { raw })
  const pixels = await joined.toColourspace('srgb').raw().toBuffer()
  return sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
}

function patch(item: number): Uint8Array {
  return patches.values.slice(item * LENGTH, (item + 1) * LENGTH) as Uint8Array
}

/** An image of one colour, red green blue, in its own size. */
function plain(width: number, height: number, background: string | object): Sharp {
  return sharp({ create: { width, height, channels: 3, background: background as string } })
}

test('images come in the order of their names, planar and unchanged', async () => {
  const path = await temporary()
  for (const [index, item] of [3, 1, 2, 0, 4, 5, 8, 7, 6].entries()) {
    await (await patchImage(item)).png().toFile(join(path, `${item}-${index}.PNG`))
  }
  await writeFile(join(path, 'notes.txt'), 'passed over')
  await writeFile(join(path, '.hidden.png'), 'passed over')
  const seen: number[][] = []
  const dataset = await folder(path, { onProgress: (done, total) => seen.push([done, total]) })
  expect(dataset).toEqual({
    name: basename(path),
    shape: [3, 16, 16],
    count: 9,
    values: patches.values,
    mirror: true,
  })
  expect(seen).toEqual(Array.from({ length: 9 }, (_, index) => [index + 1, 9]))
})

test('the formats, all of one picture, are close to it', async () => {
  const path = await temporary()
  const image = await patchImage(0)
  await image.clone().png().toFile(join(path, 'a.png'))
  await image.clone().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toFile(join(path, 'b.jpg'))
  await image.clone().webp({ lossless: true }).toFile(join(path, 'c.webp'))
  await image.clone().tiff({ compression: 'lzw' }).toFile(join(path, 'd.tiff'))
  await image.clone().gif().toFile(join(path, 'e.gif'))
  await image.clone().avif({ lossless: true }).toFile(join(path, 'f.avif'))
  await image.clone().toColourspace('rgb16').png().toFile(join(path, 'g.png'))
  const { values, count } = await folder(path)
  expect(count).toBe(7)
  for (let item = 0; item < count; item++) {
    const differences = patch(0).map((value, index) => Math.abs(value - values[item * LENGTH + index]!))
    expect(differences.reduce((a, b) => a + b, 0) / LENGTH).toBeLessThan(12)
  }
})

test('subfolders are classes', async () => {
  const path = await temporary()
  const outside = await temporary()
  for (const [name, items] of Object.entries({ cats: [0, 1], dogs: [2], birds: [3, 4] })) {
    await mkdir(join(path, name))
    for (const item of items) await (await patchImage(item)).png().toFile(join(path, name, `${item}.png`))
  }
  await mkdir(join(path, 'nothing'))
  await (await patchImage(5)).png().toFile(join(outside, '5.png'))
  await symlink(outside, join(path, 'linked'))
  const { values, labels } = await folder(path, { mirror: false })
  expect(labels).toEqual(Uint8Array.from([0, 0, 1, 1, 2, 3]))
  expect(values).toEqual(new Uint8Array(Buffer.concat([3, 4, 0, 1, 2, 5].map(patch))))
})

test('images beside the subfolders leave no labels', async () => {
  const path = await temporary()
  await mkdir(join(path, 'some'))
  await (await patchImage(0)).png().toFile(join(path, 'some', 'a.png'))
  await (await patchImage(1)).png().toFile(join(path, 'b.png'))
  const dataset = await folder(path)
  expect(dataset.count).toBe(2)
  expect(dataset.labels).toBeUndefined()
})

test('EXIF orientation is applied', async () => {
  const path = await temporary()
  const upright = sharp(photograph).resize(64, 32, { fit: 'fill' })
  const lying = await upright.clone().rotate(-90).png().toBuffer()
  await sharp(lying).withMetadata({ orientation: 6 }).png().toFile(join(path, 'a.png'))
  const { shape, values } = await folder(path)
  expect(shape).toEqual([3, 32, 64])
  const red = await sharp(await upright.png().toBuffer())
    .extractChannel('red')
    .raw()
    .toBuffer()
  expect(values.subarray(0, red.length)).toEqual(new Uint8Array(red))
})

test('transparency is laid on white, grey becomes three planes, colour becomes one', async () => {
  const path = await temporary()
  await sharp({ create: { width: 4, height: 4, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } } })
    .png()
    .toFile(join(path, 'a.png'))
  await plain(4, 4, { r: 80, g: 80, b: 80 }).toColourspace('b-w').png().toFile(join(path, 'b.png'))
  await plain(4, 4, '#ff0000').png().toFile(join(path, 'c.png'))
  const colour = await folder(path)
  const planes = Array.from({ length: 9 }, (_, plane) => [
    ...colour.values.subarray(16 * plane, 16 * plane + 16),
  ])
  const of = (value: number): number[] => new Array<number>(16).fill(value)
  expect(planes).toEqual([255, 255, 255, 80, 80, 80, 255, 0, 0].map(of))

  const grey = await folder(path, { channels: 1 })
  expect(grey.shape).toEqual([1, 4, 4])
  expect([grey.values[0], grey.values[16]]).toEqual([255, 80])
  expect(grey.values[32]).toBeGreaterThan(40)
  expect(grey.values[32]).toBeLessThan(150)
})

test('size scales to cover and crops around the centre', async () => {
  const path = await temporary()
  // Thirds of red, green, blue: the square in the middle of the wide image is green.
  const thirds = ['#ff0000', '#00ff00', '#0000ff'].map((colour, index) => ({
    input: { create: { width: 60, height: 60, channels: 3 as const, background: colour } },
    left: 60 * index,
    top: 0,
  }))
  await plain(180, 60, 'black').composite(thirds).png().toFile(join(path, 'wide.png'))
  await plain(2, 2, '#00ff00').png().toFile(join(path, 'small.png'))
  const { shape, values } = await folder(path, { size: 16 })
  expect(shape).toEqual([3, 16, 16])
  for (const start of [0, 768]) {
    expect(values[start + 8 * 16 + 8]).toBe(0)
    expect(values[start + 256 + 8 * 16 + 8]).toBe(255)
    expect(values[start + 512 + 8 * 16 + 8]).toBe(0)
  }
})

test('images of different sizes need a size', async () => {
  const path = await temporary()
  await plain(8, 6, 'red').png().toFile(join(path, 'a.png'))
  await plain(9, 6, 'red').png().toFile(join(path, 'b.png'))
  const failure = folder(path)
  await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(
    `Expected images of one size but ${join(path, 'a.png')} is 8 x 6 and ${join(path, 'b.png')} is 9 x 6; give a size`,
  )
  await expect(failure).rejects.toThrow('--size N')
})

test('a broken JPEG and a text file in disguise are named', async () => {
  const path = await temporary()
  const whole = await sharp(photograph).resize(64, 64).jpeg().toBuffer()
  await writeFile(join(path, 'a.jpg'), whole)
  await writeFile(join(path, 'b.jpg'), whole.subarray(0, whole.length / 2))
  await expect(folder(path)).rejects.toThrow(`${join(path, 'b.jpg')}: expected an image but received`)

  const other = await temporary()
  await writeFile(join(other, 'text.png'), 'not an image')
  await writeFile(join(other, 'zero.png'), '')
  const failure = folder(other)
  await expect(failure).rejects.toMatchObject({ name: 'PfgmError', code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(
    /text\.png: expected an image but received 12 bytes that do not decode/,
  )
  await expect(failure).rejects.not.toThrow(/\n/)
})

test('folders without images', async () => {
  const path = await temporary()
  await expect(folder(path)).rejects.toThrow(
    `${path}: expected images (png, jpg, jpeg, webp, gif, tif, tiff, avif) but received an empty folder`,
  )
  await writeFile(join(path, 'a.bmp'), '')
  await expect(folder(path)).rejects.toThrow('but received none (other files: 1 (a.bmp), folders: 0)')
  await expect(folder(join(path, 'none'))).rejects.toThrow('expected a folder but received nothing')
  await expect(folder(join(path, 'a.bmp'))).rejects.toThrow('expected a folder but received a file')
})

test('a signal ends the reading', async () => {
  const path = await temporary()
  for (let item = 0; item < 9; item++) await (await patchImage(item)).png().toFile(join(path, `${item}.png`))
  await expect(folder(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  const controller = new AbortController()
  const seen: number[] = []
  const onProgress = (done: number): void => {
    seen.push(done)
    if (done === 2) controller.abort(new Error('enough'))
  }
  await expect(folder(path, { signal: controller.signal, onProgress })).rejects.toThrow('enough')
  expect(seen.length).toBeLessThan(9)
})

test.each([
  [{ size: 0 }, RangeError, 'Expected size to be an integer from 1 to 4096 but received 0'],
  [{ size: 1.5 }, RangeError, 'received 1.5'],
  [{ size: Number.NaN }, RangeError, 'received NaN'],
  [{ size: '32' }, TypeError, 'Expected size to be an integer from 1 to 4096 but received "32" (string)'],
  [{ channels: 4 }, RangeError, 'Expected channels to be one of 1, 3 but received 4'],
  [{ mirror: 'no' }, TypeError, 'Expected mirror to be true or false but received "no" (string)'],
])('options %o are refused', async (options, type, message) => {
  const failure = folder('anywhere', options as object)
  await expect(failure).rejects.toThrow(type)
  await expect(failure).rejects.toThrow(message)
})
