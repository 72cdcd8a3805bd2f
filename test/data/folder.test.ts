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
    notes: [`${basename(path)}: passed over 1 other file (1 .txt)`],
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
  const { values, labels, classes } = await folder(path, { mirror: false })
  expect(classes).toEqual(['birds', 'cats', 'dogs', 'linked'])
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

test('broken files are listed all at once, or passed over', async () => {
  const path = await temporary()
  await mkdir(join(path, 'a'))
  await mkdir(join(path, 'b'))
  const whole = await (await patchImage(0)).jpeg().toBuffer()
  await writeFile(join(path, 'a', '1.jpg'), whole.subarray(0, whole.length / 2))
  await writeFile(join(path, 'a', '2.png'), 'not an image')
  await (await patchImage(1)).png().toFile(join(path, 'a', '3.png'))
  await writeFile(join(path, 'b', '4.png'), '')
  await symlink(join(path, 'nowhere'), join(path, 'b', '5.png'))
  await (await patchImage(2)).png().toFile(join(path, 'b', '6.png'))
  for (let more = 10; more < 20; more++) await writeFile(join(path, 'b', `${more}.bmp`), '')
  const failure = folder(path)
  await expect(failure).rejects.toMatchObject({ name: 'PfgmError', code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow('Expected 16 images but 14 of them are broken:')
  for (const expected of [
    `${join(path, 'a', '1.jpg')}: expected an image but received`,
    `${join(path, 'a', '2.png')}: expected an image but received 12 bytes that do not decode`,
    `${join(path, 'b', '10.bmp')}: expected an image but received 0 bytes`,
    '; and 4 more; mend or remove them, or pass them over (skipBroken',
  ]) {
    await expect(failure).rejects.toThrow(expected)
  }
  const dataset = await folder(path, { skipBroken: true })
  expect(dataset).toMatchObject({ count: 2, shape: [3, 16, 16] })
  expect(dataset.values).toEqual(new Uint8Array(Buffer.concat([patch(1), patch(2)])))
  expect(dataset.labels).toEqual(Uint8Array.of(0, 1))
  expect(dataset.notes).toHaveLength(1)
  expect(dataset.notes?.[0]).toMatch(
    /passed over 14 of 16 images, which are broken: .*1\.jpg: .*; .*and 4 more$/,
  )
})

test('where no file is an image, nothing is left to skip', async () => {
  const path = await temporary()
  await writeFile(join(path, 'text.png'), 'not an image')
  await expect(folder(path, { skipBroken: true })).rejects.toThrow(
    /^.*text\.png: expected an image but received 12 bytes that do not decode \([^\n]*\)$/,
  )
  await writeFile(join(path, 'zero.png'), '')
  await expect(folder(path, { skipBroken: true })).rejects.toThrow(
    'Expected 2 images but 2 of them are broken',
  )
})

test('what is passed over is counted and named, at any depth', async () => {
  const path = await temporary()
  await mkdir(join(path, 'cats', 'in', 'boxes'), { recursive: true })
  await mkdir(join(path, 'dogs'))
  await symlink(path, join(path, 'cats', 'in', 'back'))
  await (await patchImage(0)).png().toFile(join(path, 'cats', 'in', 'boxes', '0.png'))
  await (await patchImage(1)).png().toFile(join(path, 'cats', '1.png'))
  await (await patchImage(2)).png().toFile(join(path, 'dogs', '2.png'))
  for (const name of ['cats/a.HEIC', 'cats/in/b.heic', 'dogs/c.txt', 'README', '.DS_Store']) {
    await writeFile(join(path, name), '')
  }
  const { values, labels, notes } = await folder(path)
  expect(values).toEqual(new Uint8Array(Buffer.concat([1, 0, 2].map(patch))))
  expect(labels).toEqual(Uint8Array.of(0, 0, 1))
  expect(notes).toEqual([
    `${basename(path)}: passed over 4 other files (2 .heic, 1 without an extension, 1 .txt)`,
  ])
})

test('names that are no UTF-8', async () => {
  const path = await temporary()
  const under = (...bytes: number[]): Buffer => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(bytes)])
  const png = async (item: number): Promise<Buffer> => (await patchImage(item)).png().toBuffer()
  const extension = [...Buffer.from('.png')]
  await mkdir(under(0xff))
  await writeFile(under(0xff, 0x2f, 0xe4, ...extension), await png(0)) // ÿ/ä.png in Latin-1
  await writeFile(under(0xff, 0x2f, 0xe5, ...extension), await png(1))
  const { values } = await folder(path)
  expect(values).toEqual(new Uint8Array(Buffer.concat([0, 1].map(patch))))
})

test('folders without images', async () => {
  const path = await temporary()
  await expect(folder(path)).rejects.toThrow(
    `${path}: expected images (png, jpg, jpeg, jfif, webp, gif, tif, tiff, avif, bmp) but received an empty folder`,
  )
  await writeFile(join(path, 'a.heic'), '')
  await expect(folder(path)).rejects.toThrow('but received none, only 1 other file (1 .heic)')
  await expect(folder(join(path, 'none'))).rejects.toThrow('expected a folder but received nothing')
  await expect(folder(join(path, 'a.heic'))).rejects.toThrow('expected a folder but received a file')
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
  [{ size: 0 }, RangeError, 'Expected size to be an integer from 1 to 4096, or two of them'],
  [{ size: [8] }, RangeError, 'the height and the width, but received'],
  [{ size: [8, 0.5] }, RangeError, 'the height and the width, but received'],
  [{ size: 1.5 }, RangeError, 'received 1.5'],
  [{ size: Number.NaN }, RangeError, 'received NaN'],
  [{ size: '32' }, TypeError, 'the height and the width, but received "32" (string)'],
  [{ channels: 4 }, RangeError, 'Expected channels to be one of 1, 3 but received 4'],
  [{ skipBroken: 1 }, TypeError, 'Expected skipBroken to be true or false but received 1'],
  [{ mirror: 'no' }, TypeError, 'Expected mirror to be true or false but received "no" (string)'],
])('options %o are refused', async (options, type, message) => {
  const failure = folder('anywhere', options as object)
  await expect(failure).rejects.toThrow(type)
  await expect(failure).rejects.toThrow(message)
})
