import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { readBmp } from '../../src/data/bmp.js'
import { decodeImage } from '../../src/data/decode.js'
import { bmpBytes } from './bmp-file.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()

async function write(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(await temporary(), name)
  await writeFile(path, bytes)
  return path
}

/** Colours that change everywhere, so that what is missing shows. */
const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, index) => ((index * 7919) >> 3) % 251))
const picture = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
const jpeg = await picture().jpeg({ quality: 90 }).toBuffer()

/** A JPEG whose scan says that it has the coefficients 0 to 0, as some cameras write. */
function withOddScan(bytes: Buffer): Buffer {
  const odd = Buffer.from(bytes)
  const scan = odd.indexOf(Buffer.from([0xff, 0xda]))
  odd[scan + 2 + odd.readUInt16BE(scan + 2) - 2] = 0
  return odd
}

test.each([
  ['without its end marker', jpeg.subarray(0, -2)],
  ['with zeros after its end', Buffer.concat([jpeg, Buffer.alloc(100)])],
  ['with odd parameters of its scan', withOddScan(jpeg)],
])('a JPEG %s has the pixels it has otherwise', async (_, bytes) => {
  const expected = await decodeImage(await write('whole.jpg', jpeg), 3)
  expect(bytes).not.toEqual(jpeg)
  expect(await decodeImage(await write('other.jpg', bytes), 3)).toEqual(expected)
  const small = await decodeImage(await write('whole.jpg', jpeg), 1, 8)
  expect(await decodeImage(await write('other.jpg', bytes), 1, 8)).toEqual(small)
})

test.each([
  ['jpg', jpeg],
  ['jpg', withOddScan(jpeg)],
  ['jpg', await picture().jpeg({ progressive: true }).toBuffer()],
  ['png', await picture().png().toBuffer()],
  ['webp', await picture().webp().toBuffer()],
  ['gif', await picture().gif().toBuffer()],
  ['tiff', await picture().tiff().toBuffer()],
  ['avif', await picture().avif().toBuffer()],
  ['bmp', bmpBytes({ width: 64, height: 64, bits: 24, rows: [noise] })],
])('a cut .%s is broken', async (extension, bytes) => {
  for (const share of [0, 0.01, 0.5, 0.95]) {
    const path = await write(`cut.${extension}`, bytes.subarray(0, bytes.length * share))
    const failure = decodeImage(path, 3, 8)
    await expect(failure).rejects.toMatchObject({ code: 'ERR_PFGM_DATA' })
    await expect(failure).rejects.toThrow(/^[^\n]*: expected an image[^\n]* but received [^\n]*$/)
  }
})

test('bytes wrong in the middle of a JPEG are damage', async () => {
  const damaged = Buffer.from(jpeg)
  damaged.fill(0x55, jpeg.length / 2, jpeg.length / 2 + 200)
  await expect(decodeImage(await write('damaged.jpg', damaged), 3)).rejects.toThrow('Corrupt JPEG data')
})

/** A grey TIFF of 4 x 4 equal samples. */
function tiff(samples: NodeJS.TypedArray, format: 1 | 2 | 3): Buffer {
  const data = Buffer.from(samples.buffer)
  const tags = [
    [256, 4],
    [257, 4],
    [258, 8 * samples.BYTES_PER_ELEMENT],
    [259, 1],
    [262, 1],
    [273, 134],
    [277, 1],
    [278, 4],
    [279, data.length],
    [339, format],
  ] as const
  const head = Buffer.alloc(134)
  head.write('II*\0\b\0\0\0', 'latin1')
  head.writeUInt16LE(tags.length, 8)
  for (const [index, [tag, value]] of tags.entries()) {
    const at = 10 + 12 * index
    head.writeUInt16LE(tag, at)
    head.writeUInt16LE(4, at + 2)
    head.writeUInt32LE(1, at + 4)
    head.writeUInt32LE(value, at + 8)
  }
  return Buffer.concat([head, data])
}

test.each([
  ['8 bits', tiff(new Uint8Array(16).fill(128), 1)],
  ['16 bits', tiff(new Uint16Array(16).fill(128 * 257), 1)],
])('a TIFF of %s', async (_, bytes) => {
  const path = await write('a.tif', bytes)
  expect((await decodeImage(path, 1)).planes).toEqual([Buffer.alloc(16, 128)])
  expect((await decodeImage(path, 3)).planes).toEqual(Array(3).fill(Buffer.alloc(16, 128)))
})

test('a PNG of 16 bits', async () => {
  const raw = { width: 4, height: 4, channels: 1, depth: 'ushort' } as const
  const samples = new Uint16Array(16).fill(128 * 257)
  const path = await write('a.png', await sharp(samples, { raw }).toColourspace('grey16').png().toBuffer())
  expect((await sharp(path).metadata()).depth).toBe('ushort')
  expect((await decodeImage(path, 1)).planes).toEqual([Buffer.alloc(16, 128)])
  expect((await decodeImage(path, 3)).planes).toEqual(Array(3).fill(Buffer.alloc(16, 128)))
})

test.each([
  ['float', tiff(new Float32Array(16).fill(0.5), 3)],
  ['uint', tiff(new Uint32Array(16).fill(2 ** 31), 1)],
  ['int', tiff(new Int32Array(16).fill(2 ** 30), 2)],
  ['short', tiff(new Int16Array(16).fill(2 ** 14), 2)],
  ['char', tiff(new Int8Array(16).fill(64), 2)],
])('a TIFF of samples of type %s is refused by name', async (type, bytes) => {
  await expect(decodeImage(await write('a.tif', bytes), 1)).rejects.toThrow(
    `a.tif: expected an image of unsigned samples of 8 or 16 bits but received samples of type ${type}: convert it`,
  )
})

/** Pixels as numbers of so many bits, and what they mean. */
const bitmaps = fc
  .record({
    width: fc.integer({ min: 1, max: 19 }),
    height: fc.integer({ min: 1, max: 5 }),
    bits: fc.constantFrom(1, 4, 8, 24, 32),
    topDown: fc.boolean(),
    gap: fc.integer({ min: 0, max: 9 }),
    seed: fc.integer({ min: 0, max: 1000 }),
  })
  .map((shape) => {
    const { width, height, bits, seed } = shape
    const colours = bits <= 8 ? 2 ** bits : 2 ** 24
    const numbers = Array.from({ length: width * height }, (_, i) => (i * 2654435761 + seed * 97) % colours)
    return { ...shape, numbers }
  })

test('uncompressed BMPs are read back', () => {
  fc.assert(
    fc.property(bitmaps, ({ width, height, bits, topDown, gap, numbers }) => {
      const palette = bits > 8 ? [] : Array.from({ length: 2 ** bits }, (_, i) => (i * 40503) % 2 ** 24)
      const rows = Array.from({ length: height }, (_, y) =>
        packRow(numbers.slice(y * width, (y + 1) * width), bits),
      )
      const bytes = bmpBytes({ width, height, bits, rows, palette, topDown, gap })
      const { data, ...size } = readBmp(bytes)
      const colours = numbers.map((number) => palette[number] ?? number)
      expect(size).toEqual({ width, height })
      expect([...data]).toEqual(colours.flatMap((rgb) => [rgb >> 16, (rgb >> 8) & 255, rgb & 255]))
    }),
  )
})

/** Bits from the highest on, and bytes from the lowest on. */
function packRow(numbers: readonly number[], bits: number): Buffer {
  if (bits > 8) {
    return Buffer.concat(
      numbers.map((number) => Buffer.from([0, 8, 16, 24].slice(0, bits / 8).map((shift) => number >> shift))),
    )
  }
  const text = numbers.map((number) => number.toString(2).padStart(bits, '0')).join('')
  return Buffer.from(text.match(/.{1,8}/g)!.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)))
}

test('a BMP of 16 bits, with and without masks', () => {
  const row = Buffer.alloc(6)
  row.writeUInt16LE(0b0_11111_00000_00001, 0)
  row.writeUInt16LE(0b0_00000_11111_10000, 2)
  const plain = readBmp(bmpBytes({ width: 3, height: 1, bits: 16, rows: [row] }))
  expect([...plain.data]).toEqual([255, 0, 8, 0, 255, 132, 0, 0, 0])
  row.writeUInt16LE(0b11111_000000_00001, 0)
  row.writeUInt16LE(0b00000_111111_10000, 2)
  const masked = readBmp(
    bmpBytes({ width: 3, height: 1, bits: 16, rows: [row], masks: [0xf800, 0x7e0, 0x1f] }),
  )
  expect([...masked.data]).toEqual([255, 0, 8, 0, 255, 132, 0, 0, 0])
})

test('a BMP of 32 bits whose masks reach the highest bit', () => {
  const rows = [Buffer.from([1, 2, 3, 4])]
  const masks = [0xff000000, 0x00ff0000, 0x0000ff00]
  expect([...readBmp(bmpBytes({ width: 1, height: 1, bits: 32, rows, masks })).data]).toEqual([4, 3, 2])
})

test('a BMP is an image like others', async () => {
  const row = Buffer.concat([Buffer.from([0, 0, 255]), Buffer.from([255, 0, 0])])
  const path = await write('two.bmp', bmpBytes({ width: 2, height: 1, bits: 24, rows: [row] }))
  const { planes, ...size } = await decodeImage(path, 3)
  expect(size).toEqual({ width: 2, height: 1 })
  expect(planes.map((plane) => [...plane])).toEqual([
    [255, 0],
    [0, 0],
    [0, 255],
  ])
})

test('hostile BMPs are errors', () => {
  const whole = bmpBytes({
    width: 4,
    height: 2,
    bits: 8,
    rows: [Buffer.alloc(4), Buffer.alloc(4)],
    palette: [0],
  })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(whole.length),
      (changes, length) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        try {
          const { width, height, data } = readBmp(bytes.subarray(0, length))
          expect(data.length).toBe(width * height * 3)
        } catch (error) {
          expect(String(error)).toMatch(/^Error: (compressed )?BMP/)
        }
      },
    ),
    { numRuns: 2000 },
  )
  const twoColours = bmpBytes({ width: 1, height: 1, bits: 8, rows: [Buffer.from([2])], palette: [0, 1] })
  expect(() => readBmp(twoColours)).toThrow('BMP with a pixel of colour 2 of 2')
  const compressed = Buffer.from(whole)
  compressed[30] = 1
  expect(() => readBmp(compressed)).toThrow('compressed BMP; save it uncompressed, or as PNG')
})
