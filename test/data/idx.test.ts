import { open, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idx } from '../../src/data/idx.js'
import { temporaryFolders } from './temporary.js'

const temporary = temporaryFolders()

function encode(dtype: number, dims: readonly number[], values: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length)
  header[2] = dtype
  header[3] = dims.length
  for (const [axis, size] of dims.entries()) header.writeUInt32BE(size, 4 + 4 * axis)
  return Buffer.concat([header, values])
}

function bigEndian(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeFloatBE(value, 4 * index)
  return bytes
}

async function write(bytes: Uint8Array, name = 'file.idx'): Promise<string> {
  const path = join(await temporary(), name)
  await writeFile(path, bytes)
  return path
}

const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 })
const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1)

test('uint8 files of 2 to 4 dimensions are read back, plain and gzipped', async () => {
  const files = sizes.chain((dims) =>
    fc.record({
      dims: fc.constant(dims),
      values: fc.uint8Array({ minLength: product(dims), maxLength: product(dims) }),
      zipped: fc.boolean(),
    }),
  )
  await fc.assert(
    fc.asyncProperty(files, async ({ dims, values, zipped }) => {
      const bytes = encode(0x08, dims, values)
      const dataset = await idx(await write(zipped ? gzipSync(bytes) : bytes))
      const item = dims.slice(1)
      expect(dataset).toEqual({
        name: expect.any(String),
        shape: dims.length === 3 ? [1, ...item] : item,
        count: dims[0],
        values: new Uint8Array(values),
        mirror: false,
      })
    }),
    { numRuns: 50 },
  )
})

test('float32 files are read back from big-endian', async () => {
  const files = sizes.chain((dims) =>
    fc.record({
      dims: fc.constant(dims),
      values: fc.array(fc.float({ noNaN: true }), { minLength: product(dims), maxLength: product(dims) }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(files, async ({ dims, values }) => {
      const dataset = await idx(await write(encode(0x0d, dims, bigEndian(values))))
      expect(dataset.values).toEqual(new Float32Array(values))
    }),
    { numRuns: 50 },
  )
})

test('values have memory of their own', async () => {
  const { values } = await idx(await write(encode(0x08, [2, 3], new Uint8Array(6))))
  expect(values.byteOffset).toBe(0)
  expect(values.buffer.byteLength).toBe(6)
})

test('a file of more than 2 GiB is read', { timeout: 120_000 }, async () => {
  // Sparse: only the ends are on the disk.
  const [count, side] = [2 ** 19 + 1, 64]
  const path = await write(encode(0x08, [count, side, side], new Uint8Array(0)))
  const file = await open(path, 'r+')
  await file.write(Uint8Array.of(7), 0, 1, 16 + count * side * side - 1)
  await file.close()
  const { values, ...dataset } = await idx(path)
  expect(dataset).toMatchObject({ count, shape: [1, side, side] })
  expect(values.length).toBeGreaterThan(2 ** 31)
  expect([values[0], values.at(-2), values.at(-1)]).toEqual([0, 0, 7])
})

test('labels and mirror', async () => {
  const images = await write(encode(0x08, [3, 2, 2], new Uint8Array(12)))
  const labels = await write(encode(0x08, [3], new Uint8Array([7, 8, 9])))
  const dataset = await idx(images, { labels, mirror: true })
  expect(dataset.labels).toEqual(new Uint8Array([7, 8, 9]))
  expect(dataset.mirror).toBe(true)
})

test('labels beside the images, by their name', async () => {
  const bytes = encode(0x08, [3], new Uint8Array([7, 8, 9]))
  const images = await write(encode(0x08, [3, 2, 2], new Uint8Array(12)), 'train-images-idx3-ubyte.gz')
  expect((await idx(images)).labels).toBeUndefined()
  await writeFile(join(dirname(images), 'train-labels-idx1-ubyte.gz'), gzipSync(bytes))
  expect((await idx(images)).labels).toEqual(new Uint8Array([7, 8, 9]))
  await writeFile(join(dirname(images), 'train-labels-idx1-ubyte.gz'), gzipSync(bytes.subarray(0, 9)))
  const passedOver = await idx(images)
  expect(passedOver.labels).toBeUndefined()
  expect(passedOver.notes![0]).toContain('labels beside the images were passed over')
})

test('labels that do not fit', async () => {
  const images = await write(encode(0x08, [3, 2, 2], new Uint8Array(12)))
  const fewer = await write(encode(0x08, [2], new Uint8Array(2)))
  const floats = await write(encode(0x0d, [3], bigEndian([0, 1, 2])))
  await expect(idx(images, { labels: fewer })).rejects.toThrow(
    `${fewer}: expected 3 labels, one an item but received 2`,
  )
  await expect(idx(images, { labels: images })).rejects.toThrow('but received 3 x 2 x 2')
  await expect(idx(images, { labels: floats })).rejects.toThrow(
    'expected labels of type uint8 but received float32',
  )
})

const whole = encode(0x08, [2, 2, 2], new Uint8Array(8))
test.each([
  ['truncated', whole.subarray(0, 20), 'expected 8 bytes of values (2 x 2 x 2 uint8) but received 4'],
  [
    'too long',
    Buffer.concat([whole, Buffer.alloc(1)]),
    'expected 8 bytes of values (2 x 2 x 2 uint8) but received 9',
  ],
  [
    'truncated in its header',
    whole.subarray(0, 9),
    'expected a header of 16 bytes (3 dimensions) but received 9 bytes',
  ],
  [
    'empty',
    Buffer.alloc(0),
    'expected an IDX file (magic number 0000, type, dimensions) but received an empty file',
  ],
  ['something else', Buffer.from('text, not data'), 'but received 74657874'],
  ['of an unknown type', encode(0x0a, [2, 2, 2], new Uint8Array(8)), 'but received 00000a03'],
  [
    'of int32',
    encode(0x0c, [2, 1], new Uint8Array(8)),
    'expected values of type uint8 or float32 but received int32',
  ],
  [
    'of float64',
    encode(0x0e, [1, 1], new Uint8Array(8)),
    'expected values of type uint8 or float32 but received float64',
  ],
  [
    'of labels',
    encode(0x08, [8], new Uint8Array(8)),
    'expected points or images (2 to 4 dimensions) but received 1 dimension',
  ],
  ['of five dimensions', encode(0x08, [1, 1, 1, 1, 1], new Uint8Array(1)), 'but received 5 dimensions'],
  [
    'without items',
    encode(0x08, [0, 2, 2], new Uint8Array(0)),
    'expected dimensions of at least 1 but received 0 x 2 x 2',
  ],
  ['claiming too much', encode(0x08, [0xffffffff, 0xffffffff], new Uint8Array(4)), 'but received 4'],
  [
    'cut short by gzip',
    gzipSync(whole).subarray(0, 25),
    'expected a complete gzip file but received 25 bytes',
  ],
])('a file %s is refused', async (_, bytes, message) => {
  const path = await write(bytes)
  const failure = idx(path)
  await expect(failure).rejects.toMatchObject({ name: 'PfgmError', code: 'ERR_PFGM_DATA' })
  await expect(failure).rejects.toThrow(message)
  await expect(failure).rejects.toThrow(path)
})

test('a missing file and a folder are refused', async () => {
  const folder = await temporary()
  await expect(idx(join(folder, 'none'))).rejects.toThrow('expected a file but received nothing')
  await expect(idx(folder)).rejects.toThrow('expected a file but received a folder')
  await expect(idx('')).rejects.toThrow(TypeError)
})

test('a data set is named after its file', async () => {
  const path = await write(
    gzipSync(encode(0x08, [2, 3], Uint8Array.from([1, 2, 3, 4, 5, 6]))),
    'letters.idx.gz',
  )
  expect(await idx(path)).toMatchObject({ name: 'letters.idx', shape: [3], count: 2 })
})
