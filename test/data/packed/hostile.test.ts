import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type AnyDataset, datasets } from '../../../src/data/index.js'
import { PfgmError } from '../../../src/errors.js'
import { cifarArchive } from '../cifar-archive.js'
import { npyBytes } from '../npy-file.js'
import { temporaryFolders } from '../temporary.js'
import { cacheOfTests, type Entries, parquetOf, pictures, tarHeader, tarOf, zipOf } from './files.js'

const cache = cacheOfTests()
const temporary = temporaryFolders()
const pngs = await pictures(3, 4)
const MOST_MEMORY = 512 * 2 ** 20

const images: Entries = pngs.map((png, i) => [`${i}.png`, png])
const classes: Entries = [0, 1, 2].map((i) => [`${i}.cls`, Buffer.from(String(i))])
const labels = Buffer.from(JSON.stringify({ labels: images.map(([name], i) => [name, i]) }))
const parquet = { names: ['a', 'b', 'c'], rows: 2 }

/** A whole file of each kind, and how it is opened. */
const KINDS: Readonly<Record<string, [open: (path: string) => Promise<AnyDataset>, bytes: Buffer]>> = {
  'stored.zip': [datasets.zip, await zipOf([...images, ['dataset.json', labels]])],
  'deflated.zip': [datasets.zip, await zipOf([...images, ['dataset.json', labels]], true)],
  'some.tar': [datasets.tar, tarOf([...images, ...classes].sort())],
  'some.tar.gz': [datasets.tar, gzipSync(tarOf([...images, ...classes].sort()))],
  'snappy.parquet': [datasets.parquet, parquetOf(pngs, [0, 1, 2], parquet)],
  'plain.parquet': [datasets.parquet, parquetOf(pngs, [0, 1, 2], { ...parquet, codec: 'UNCOMPRESSED' })],
  'cifar-10-binary.tar.gz': [datasets.cifar10, cifarArchive('binary')],
  'cifar-10-python.tar.gz': [datasets.cifar10, cifarArchive('python')],
  'labelled.npz': [
    datasets.npz,
    await zipOf([
      ['arr_0.npy', npyBytes('|u1', [2, 4, 4, 3], Buffer.alloc(96, 7))],
      ['arr_1.npy', npyBytes('<i8', [2], Buffer.alloc(16))],
    ]),
  ],
}

/** Opens a file of some bytes; an error has to be the package's own, on a line that names the file. */
async function attempt(kind: string, bytes: Buffer): Promise<AnyDataset | PfgmError> {
  const path = join(await temporary(), kind)
  await writeFile(path, bytes)
  try {
    const data = await KINDS[kind]![0](path)
    expect(data.labels?.length ?? data.count).toBe(data.count)
    if (data.labels && data.classes) expect(Math.max(...data.labels)).toBeLessThan(data.classes.length)
    return data
  } catch (error) {
    if (!(error instanceof PfgmError)) throw error
    expect(error.message).toContain(path)
    expect(error.message).not.toContain('\n')
    return error
  }
}

describe.each(Object.keys(KINDS))('%s', (kind) => {
  const [, whole] = KINDS[kind]!

  test('is read whole', async () => {
    const data = await attempt(kind, whole)
    expect(data).toMatchObject({ count: kind.startsWith('cifar') ? 5 : kind.endsWith('npz') ? 2 : 3 })
    expect((data as AnyDataset).labels).toBeDefined()
  })

  test('cut short at every sixteenth it is an error', async () => {
    for (let part = 0; part < 16; part++) {
      const length = Math.floor((whole.length * part) / 16)
      // A tar archive ends with more zeros than it needs.
      if (whole.subarray(length).every((byte) => byte === 0)) continue
      expect(await attempt(kind, whole.subarray(0, length))).toMatchObject({ code: 'ERR_PFGM_DATA' })
    }
  })
})

test('with a few bits flipped a file is an error or a data set, in little memory, and nothing is left', async () => {
  const kinds = Object.keys(KINDS)
  let state = 12345
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const runs = process.env.PFGM_LONG ? 10_000 : 300
  const counts = { data: 0, error: 0 }
  for (let run = 0; run < runs; run++) {
    const kind = kinds[run % kinds.length]!
    const bytes = Buffer.from(KINDS[kind]![1])
    for (let flips = 1 + random(3); flips > 0; flips--) {
      const at = random(bytes.length)
      bytes[at] = bytes[at]! ^ (1 << random(8))
    }
    counts[(await attempt(kind, bytes)) instanceof Error ? 'error' : 'data']++
  }
  expect(counts.error).toBeGreaterThan(runs / 3)
  expect((await readdir(cache)).filter((name) => !/\.(?:pixels|json)$/.test(name))).toEqual([])
  expect(1024 * process.resourceUsage().maxRSS).toBeLessThan(MOST_MEMORY)
}, 900_000)

/** A PNG that says it has other sides than it has. */
function withSides(png: Buffer, width: number, height: number): Buffer {
  const bytes = Buffer.from(png)
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
  return bytes
}

test('an image that says it is of 100,000 x 100,000 pixels', async () => {
  const huge = withSides(pngs[0]!, 100_000, 100_000)
  for (const [kind, bytes] of Object.entries({
    'stored.zip': await zipOf([['huge.png', huge]]),
    'some.tar': tarOf([['huge.png', huge]]),
    'snappy.parquet': parquetOf([huge], [0]),
  })) {
    expect(String(await attempt(kind, bytes))).toMatch(
      /\((?:huge\.png|image\.bytes of row 0), byte \d+\): expected an image/,
    )
  }
  // It is what it says, and packed into a thousandth: as it is it would be an item of 600 MB.
  const side = 14_000
  const rows = deflateSync(Buffer.alloc(side * (1 + side)))
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data])
    const around = Buffer.alloc(8)
    around.writeUInt32BE(data.length, 0)
    around.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head[8] = 8
  const bomb = Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ])
  expect(String(await attempt('some.tar', tarOf([['bomb.png', bomb]])))).toMatch(
    /bomb\.png, byte 0\): expected an image/,
  )
  expect(1024 * process.resourceUsage().maxRSS).toBeLessThan(MOST_MEMORY)
})

/** With a name in place of another of the same length. */
function renamed(bytes: Buffer, from: string, to: string): Buffer {
  const text = bytes.toString('latin1').replaceAll(from, to)
  return Buffer.from(text, 'latin1')
}

test.each(['../../x.png', '/absolute.p', 'a/../../x.p', 'C:\\win\\x.p'])(
  'an entry called %s',
  async (name) => {
    const before = 'abcdefghijk'
    expect(
      String(await attempt('stored.zip', renamed(await zipOf([[before, pngs[0]!]]), before, name))),
    ).toContain('stored.zip')
    const said = String(await attempt('some.tar', tarOf([[name, pngs[0]!]])))
    expect(said).toContain(
      'byte 0): expected a name within the archive but received one that leads out of it',
    )
  },
)

test('entries that lie about their size', async () => {
  const base256 = Buffer.alloc(12)
  base256[0] = 0x80
  base256.writeBigUInt64BE(2n ** 63n, 4)
  const tar = (size: number | Buffer) => Buffer.concat([tarHeader('a.png', size), Buffer.alloc(2048)])
  expect(String(await attempt('some.tar', tar(base256)))).toContain(
    'some.tar (byte 0): expected an entry of a possible size but received one of 9223372036854775808 bytes',
  )
  expect(String(await attempt('some.tar', tar(2 ** 33 - 1)))).toContain(
    '(a.png, byte 0): expected an entry that ends within',
  )
  expect(String(await attempt('some.tar', tar(Buffer.from('99999999999\0'))))).toContain('of a possible size')
  const huge = Buffer.from('30 size=9223372036854775808\n'.padEnd(28)).subarray(0, 28)
  huge.write('28', 0)
  const extended = Buffer.concat([
    tarHeader('x', 28, 'x'),
    huge,
    Buffer.alloc(512 - 28),
    tarHeader('a.png', 10),
    Buffer.alloc(2048),
  ])
  expect(String(await attempt('some.tar', extended))).toContain('received one of 9223372036854775808 bytes')

  const zip = await zipOf([['a.png', pngs[0]!]])
  const central = zip.indexOf('PK\x01\x02', 0, 'latin1')
  for (const [offset, value] of [
    [20, 0x7fffffff], // packed
    [24, 0x7fffffff], // unpacked
    [24, 3],
    [42, 0x7fffffff], // where it is
  ] as const) {
    const bytes = Buffer.from(zip)
    bytes.writeUInt32LE(value, central + offset)
    expect(String(await attempt('stored.zip', bytes))).toMatch(/stored\.zip.*expected/)
  }
})

/** A Parquet file whose footer is this. */
function footed(footer: readonly number[], length = footer.length): Buffer {
  const tail = Buffer.alloc(8)
  tail.writeUInt32LE(length >>> 0)
  tail.write('PAR1', 4)
  return Buffer.concat([Buffer.from('PAR1'), Buffer.from(footer), tail])
}

test('footers of Parquet that lie', async () => {
  const list = [0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]
  const refused = async (bytes: Buffer) => String(await attempt('snappy.parquet', bytes))
  expect(await refused(footed([0], 0xffffffff))).toContain('a footer within the file')
  expect(await refused(footed(list))).toContain('a list of 2147483647 in 0 bytes')
  expect(await refused(footed([0x15, ...Array(40).fill(0xff), 0]))).toContain('a number of more than 64 bits')
  expect(await refused(footed(Array(5000).fill(0x1c)))).toContain('structures in each other')
  expect(await refused(footed([0]))).toContain('expected a whole Parquet file')
})

test('a dictionary of Parquet with more values than are kept', async () => {
  const bytes = Buffer.from(KINDS['plain.parquet']![1])
  // Over the first page: a dictionary of 2^20 + 1 values in no byte.
  Buffer.from([0x15, 4, 0x15, 0, 0x15, 0, 0x4c, 0x15, 0x82, 0x80, 0x80, 1, 0x15, 0, 0, 0]).copy(bytes, 4)
  expect(String(await attempt('plain.parquet', bytes))).toContain(
    '1048577 values of a dictionary, where 1048576 are possible',
  )
})

test('pages of Parquet that lie about their values', async () => {
  const whole = KINDS['snappy.parquet']![1]
  const bytes = await readFile(new URL('made/none.parquet', import.meta.url))
  for (const file of [whole, bytes]) {
    for (let at = 4; at < 100; at += 2) {
      const changed = Buffer.from(file)
      changed[at] = at % 4 === 0 ? 0xff : 0x7e
      await attempt('snappy.parquet', changed)
    }
  }
}, 60_000)
